//! Policies to begin with.

use serde::Serialize;

/// A policy that an occasion asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub title: &'static str,
    /// The policy's text.
    pub rules: &'static str,
    /// Why these periods.
    pub why: &'static str,
}

/// The presets.
pub fn presets() -> &'static [Preset] {
    &PRESETS
}

const PRESETS: [Preset; 4] = [
    Preset {
        name: "pci-dss",
        title: "PCI DSS",
        rules: "everything else 12m archive 3m",
        why: "Requirement 10.5.1 of PCI DSS 4 asks for at least twelve months of audit history, of which the latest three are immediately available for analysis.",
    },
    Preset {
        name: "hipaa",
        title: "HIPAA",
        rules: "everything else 6y",
        why: "45 CFR 164.316(b)(2)(i) asks to keep what documents security policies and their actions for six years.",
    },
    Preset {
        name: "soc2",
        title: "SOC 2",
        rules: "everything else 1y",
        why: "SOC 2 names no period; one year covers the usual observation period of a type 2 report, so that its auditors find every event of it.",
    },
    Preset {
        name: "gdpr",
        title: "GDPR",
        rules: "reads+trail:_system 90d, reads 90d, requests 90d, operations 90d, security 1y, everything else 3y",
        why: "Article 5(1)(e) asks to keep personal data no longer than its purpose needs, and names no period: this example keeps access logs 90 days, and is a starting point, not legal advice.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::policy_text;

    #[test]
    fn presets_are_policies_of_at_least_the_periods_that_they_name() {
        let days = |name: &str| {
            let preset = presets().iter().find(|preset| preset.name == name).unwrap();
            let rules = policy_text::parse(preset.rules).unwrap();
            assert_eq!(policy_text::print(&rules), preset.rules);
            let last = rules.last().unwrap();
            (last.days.unwrap(), last.archive_days)
        };
        // Any twelve months, three months, six years.
        assert!(days("pci-dss").0 >= 366 && days("pci-dss").1 >= Some(92));
        assert!(days("hipaa").0 >= 6 * 365 + 2);
        assert!(days("soc2").0 >= 366);
        assert!(days("gdpr").0 >= 3 * 365);
    }
}
