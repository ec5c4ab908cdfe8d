//! The errors that users see, word by word. After a change that is meant: `TRYBUILD=overwrite cargo test`.

#[test]
fn errors_are_readable() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
