//! What fields of other logs are called here.
