//! Examples beside rules, and whether they hold.
