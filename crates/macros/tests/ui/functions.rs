use indelible_macros::audited;

#[audited(action = "a.b", intent)]
fn cannot_fail() -> Option<u8> {
    None
}

#[audited(action = "a.b", required)]
async fn returns_nothing() {}

#[audited(action = "a.b", denied_if = |_| true)]
fn no_error() -> u8 {
    0
}

#[audited(action = "a.b")]
const fn constant() -> u8 {
    0
}

#[audited(action = "a.b")]
fn endless() -> ! {
    loop {}
}

#[audited(action = "a.b")]
struct Type;

#[audited(action = "a.b")]
const CONSTANT: u8 = 0;

trait Trait {
    #[audited(action = "a.b")]
    fn bodiless(&self);
}

#[audited(skip)]
fn skipped() {}

struct Block;

#[audited(category = "x")]
impl Block {}

#[audited(prefix = "block")]
impl Block {
    pub const fn constant(&self) -> u8 {
        0
    }

    #[audited(actoin = "a.b")]
    pub fn slip(&self) {}
}

fn main() {}
