//! Days and weeks that somebody looks at and signs.
