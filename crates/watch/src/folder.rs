//! The folder of rules, mappings and settings.
