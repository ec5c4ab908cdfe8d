//! Audits every operation of an OpenDAL storage.
