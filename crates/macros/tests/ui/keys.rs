use indelible_macros::audited;

#[audited(category = "data_modify")]
fn no_action() {}

#[audited("user.update")]
fn unnamed_action() {}

#[audited(action = "User::updateName")]
fn bad_action() {}

#[audited(action = 7)]
fn no_text() {}

#[audited(action = "a.b", category = "data.modify")]
fn bad_category() {}

#[audited(action = "a.b", actr = 1)]
fn slip() {}

#[audited(action = "a.b", user_id = 1)]
fn other_word() {}

#[audited(action = "a.b", zebra = 1)]
fn unknown() {}

#[audited(action = "a.b", event_type = "x", category = "y")]
fn twice() {}

#[audited(action = "a.b", id = 1)]
fn id_of_nothing() {}

#[audited(action = "a.b", intent = true)]
fn flag_with_value() -> Result<(), String> {
    Ok(())
}

#[audited(action = "a.b", before)]
fn value_without() {}

#[audited(action = "a.b", prefix = "b")]
fn of_a_block() {}

#[audited(action = "a.b", skip_ok, after = result)]
fn never_told() -> Result<(), String> {
    Ok(())
}

fn main() {}
