//! A record as the index sees it, and the fields that terms belong to.

use indelible_event::Entry;

/// A record as the index sees it: what was checked against its leaf, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Doc<'a> {
    /// Place in the node's log.
    pub pos: u64,
    /// The trail's number on this node.
    pub trail: u32,
    /// The trail's name.
    pub trail_name: &'a str,
    /// The entry's fields.
    pub entry: Entry<'a>,
    /// The canonical bytes of `who`, `where` and `what`, as far as they are readable.
    pub parts: [Option<&'a [u8]>; 3],
}

/// What a term says something about. A term is a field and a value; values are folded to lower case
/// (see [`fold`](crate::fold)), except where the table says otherwise.
///
/// The numbers stand in index files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Field {
    /// The trail: its number, big-endian. Every row has exactly one.
    Trail = 1,
    /// A word of anything readable: string values and number tokens of all parts, and the words of
    /// action, category and outcome. Tokens that look like ids are left out.
    Word = 2,
    /// `actor.id`, and the ids of all on whose behalf the actor acted.
    Actor = 3,
    /// `actor.type`.
    ActorType = 4,
    /// `actor.email`, and those of all on whose behalf the actor acted.
    Email = 5,
    /// The ids of those on whose behalf the actor acted.
    OnBehalfOf = 6,
    /// The action, whole. (A dotted prefix is a prefix of it.)
    Action = 7,
    /// The category.
    Category = 8,
    /// The outcome.
    Outcome = 9,
    /// The phase.
    Phase = 10,
    /// The type of any target.
    ResourceType = 11,
    /// The id of any target.
    ResourceId = 12,
    /// `type/id` of any target.
    Resource = 13,
    /// `context.ip` where it is an address: 16 bytes, IPv4 mapped into IPv6, in order.
    Ip = 14,
    /// `context.service`.
    Service = 15,
    /// `source.id`, 32 hexadecimal digits.
    Source = 16,
    /// `recorded_by`: the credential.
    Key = 17,
    /// `id` and also `type/id` of any subject.
    Subject = 18,
    /// `changes`, `before`, `after`, `details`, `error`, `targets`, `subjects`, `on_behalf_of`: what the
    /// record has.
    Has = 19,
    /// A value in the parts by its path: `path ‖ 0x00 ‖ kind ‖ value`, see [`path_term`](crate::path_term).
    Path = 20,
    /// `context.host`.
    Host = 21,
    /// `actor.name` and `targets[].name`, whole.
    Name = 22,

    /// `context.correlation_id`. This and those below are values that few records share: an index gives
    /// candidates for them, each to be checked against the record.
    Correlation = 128,
    /// `context.request_id`.
    Request = 129,
    /// `context.session_id`.
    Session = 130,
    /// `context.trace_id`.
    Trace = 131,
    /// `ref`, as 16 bytes.
    Ref = 132,
}

impl Field {
    /// Whether an index gives only candidates for it, found by a fingerprint.
    pub fn is_unique(self) -> bool {
        self as u8 >= 128
    }
}
