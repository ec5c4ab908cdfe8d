//! The singular of a word, as far as the paths of APIs need it.

/// Words whose singular no rule below finds.
const IRREGULAR: &[(&str, &str)] = &[
    ("addresses", "address"),
    ("aliases", "alias"),
    ("analyses", "analysis"),
    ("axes", "axis"),
    ("bonuses", "bonus"),
    ("buses", "bus"),
    ("caches", "cache"),
    ("campuses", "campus"),
    ("canvases", "canvas"),
    ("children", "child"),
    ("cookies", "cookie"),
    ("indices", "index"),
    ("matrices", "matrix"),
    ("movies", "movie"),
    ("people", "person"),
    ("statuses", "status"),
    ("vertices", "vertex"),
    ("viruses", "virus"),
];

/// Words that end in s and are no plural, or are the same in both.
const SAME: &[&str] =
    &["aws", "dns", "gas", "https", "kubernetes", "news", "os", "series", "sms", "tls"];

/// The singular of an English word in lower case; of words joined by `_`, that of the last. What is no plural
/// stays as it is.
pub(super) fn singular(word: &str) -> String {
    let start = word.rfind('_').map_or(0, |at| at + 1);
    let (front, last) = word.split_at(start);
    let mut whole = front.to_owned();
    match IRREGULAR.iter().find(|(plural, _)| *plural == last) {
        Some((_, one)) => whole.push_str(one),
        None => regular(last, &mut whole),
    }
    whole
}

fn regular(word: &str, out: &mut String) {
    let ends = |end: &str| word.len() > end.len() + 1 && word.ends_with(end);
    let cut = |bytes: usize| &word[..word.len() - bytes];
    if SAME.contains(&word) || ["ss", "us", "is"].iter().any(|end| word.ends_with(end)) {
        out.push_str(word);
    } else if ends("ies") {
        out.push_str(cut(3));
        out.push('y');
    } else if ["sses", "shes", "ches", "xes"].iter().any(|end| ends(end)) {
        out.push_str(cut(2));
    } else if ends("zzes") {
        out.push_str(cut(3));
    } else if ends("s") {
        out.push_str(cut(1));
    } else {
        out.push_str(word);
    }
}
