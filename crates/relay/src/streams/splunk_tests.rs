use super::*;

#[test]
fn a_channel_is_a_random_uuid() {
    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&self, out: &mut [u8]) {
            out.fill(0xFF);
        }
    }
    assert_eq!(channel(&Fixed), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}
