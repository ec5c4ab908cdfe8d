//! What two people have to agree on: one asks, another confirms within a week.
