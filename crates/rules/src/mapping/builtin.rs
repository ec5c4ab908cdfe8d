//! The mappings that come with the node.

use std::sync::{Arc, LazyLock};

use super::Mapping;
use crate::sigma::detection::Regexes;
use crate::sigma::yaml;

const TEXTS: [&str; 9] = [
    include_str!("../../mappings/aws.yml"),
    include_str!("../../mappings/kubernetes.yml"),
    include_str!("../../mappings/github.yml"),
    include_str!("../../mappings/okta.yml"),
    include_str!("../../mappings/azure.yml"),
    include_str!("../../mappings/gcp.yml"),
    include_str!("../../mappings/m365.yml"),
    include_str!("../../mappings/identity.yml"),
    include_str!("../../mappings/application.yml"),
];

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
