//! The mappings that come with the node.

use std::sync::{Arc, LazyLock};

use super::Mapping;
use crate::sigma::detection::Regexes;
use crate::sigma::yaml;

const TEXTS: [&str; 1] = [include_str!("../../mappings/aws.yml")];

static BUILTIN: LazyLock<Vec<Arc<Mapping>>> = LazyLock::new(|| {
    let mut regexes = Regexes::default();
    let documents = TEXTS.iter().flat_map(|text| yaml::documents(text));
    documents
        .map(|(line, text)| {
            let read = Mapping::read(text, line, &mut regexes);
            Arc::new(read.expect("a test reads every mapping that comes with the node"))
        })
        .collect()
});

/// All of them.
pub(crate) fn builtin() -> &'static [Arc<Mapping>] {
    &BUILTIN
}
