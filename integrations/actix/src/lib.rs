//! Audits every request of an actix-web application.
