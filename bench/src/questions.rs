//! The questions, in one table: for each what we are asked and what the databases are asked.

use crate::values::Draw;

/// Whose SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite with an FTS5 table of words and one of trigrams.
    Sqlite,
    /// PostgreSQL with a GIN index of words and one of trigrams.
    Postgres,
}

/// One question.
#[derive(Clone, Copy)]
pub struct Question {
    /// What it asks, for the table's reader.
    pub name: &'static str,
    /// Path and query of our API.
    pub path: fn(&Draw) -> String,
    /// The statements of a database; the answer's size is that of the first.
    pub sql: fn(Dialect, &Draw) -> Vec<String>,
    /// Whether the answer is a number (in the first column of the first row) rather than rows.
    pub is_number: bool,
}

/// All of them, in the order they are asked and printed.
pub const QUESTIONS: [Question; 12] = [
    Question {
        name: "newest page of everything",
        path: |_| search(&[]),
        sql: |_, _| vec![newest("true")],
        is_number: false,
    },
    Question {
        name: "newest 50 of a rare actor",
        path: |d| search(&[("user_id", &d.rare_actor)]),
        sql: |_, d| vec![newest(&equal("user_id", &d.rare_actor))],
        is_number: false,
    },
    Question {
        name: "a correlation id",
        path: |d| search(&[("correlation_id", &d.correlation)]),
        sql: |_, d| vec![newest(&equal("correlation_id", &d.correlation))],
        is_number: false,
    },
    Question {
        name: "newest 50 of one resource",
        path: |d| search(&[("resource_type", &d.resource_type), ("resource_id", &d.resource_id)]),
        sql: |_, d| vec![newest(&resource(d))],
        is_number: false,
    },
    Question {
        name: "timeline of one resource, correlations followed",
        path: |d| {
            let parameters = [
                ("resource_type", d.resource_type.as_str()),
                ("resource_id", &d.resource_id),
                ("page_size", "50"),
            ];
            path("/api/audit/timeline", &parameters)
        },
        sql: |_, d| vec![timeline(d)],
        is_number: false,
    },
    Question {
        name: "newest 50 with a word in the text",
        path: |d| search(&[("q", &d.word)]),
        sql: |dialect, d| vec![with_words(dialect, &d.word)],
        is_number: false,
    },
    Question {
        name: "trail and action and outcome",
        path: |d| search(&[("tenant_id", &d.trail), ("action", &d.action), ("status", &d.outcome)]),
        sql: |_, d| {
            let all = [("tenant", &d.trail), ("action", &d.action), ("outcome", &d.outcome)];
            vec![newest(&all.map(|(column, value)| equal(column, value)).join(" AND "))]
        },
        is_number: false,
    },
    Question {
        name: "substring (*foo*), few matches",
        path: |d| search(&[("q", &format!("*{}*", d.substring))]),
        sql: |dialect, d| vec![with_substring(dialect, &d.substring)],
        is_number: false,
    },
    Question {
        name: "regular expression, few matches",
        path: |d| search(&[("q", &format!("/{}/", d.pattern))]),
        sql: |dialect, d| vec![with_pattern(dialect, &d.pattern)],
        is_number: false,
    },
    Question {
        name: "exact count of a word",
        path: |d| statistics(&[("q", &d.word), ("facets", "outcome"), ("top", "1")]),
        sql: |dialect, d| vec![count_of_word(dialect, &d.word)],
        is_number: true,
    },
    Question {
        name: "exact count of an action",
        path: |d| statistics(&[("action", &d.action), ("facets", "outcome"), ("top", "1")]),
        sql: |_, d| {
            vec![format!("SELECT count(*) FROM audit_log WHERE {}", equal("action", &d.action))]
        },
        is_number: true,
    },
    Question {
        name: "7 facets and hourly histogram over 7 days",
        path: |d| {
            let facets = "category,action,outcome,actor,resource_type,resource,ip";
            statistics(&[
                ("start_date", &d.from),
                ("end_date", &d.to),
                ("facets", facets),
                ("top", "10"),
                ("interval", "1h"),
                ("time", "occurred_at"),
            ])
        },
        sql: |_, d| facets(d),
        is_number: true,
    },
];

/// The newest 50 of what matches, as people write it.
fn newest(condition: &str) -> String {
    format!("SELECT * FROM audit_log WHERE {condition} ORDER BY created_at DESC LIMIT 50")
}

fn resource(draw: &Draw) -> String {
    let (kind, id) =
        (equal("resource_type", &draw.resource_type), equal("resource_id", &draw.resource_id));
    format!("{kind} AND {id}")
}

fn timeline(draw: &Draw) -> String {
    let own = format!(
        "SELECT correlation_id FROM audit_log WHERE {} ORDER BY created_at LIMIT 50",
        resource(draw)
    );
    format!("SELECT * FROM audit_log WHERE correlation_id IN ({own}) ORDER BY created_at LIMIT 50")
}

/// The text that both databases have their text indexes over.
pub const POSTGRES_TEXT: &str = "(coalesce(user_email, '') || ' ' || details)";

fn with_words(dialect: Dialect, words: &str) -> String {
    match dialect {
        // By row id, which FTS5 walks backwards by itself: its fastest way to the newest.
        Dialect::Sqlite => sqlite_newest_in("audit_words", &sqlite_match(words)),
        Dialect::Postgres => newest(&postgres_match(words)),
    }
}

fn with_substring(dialect: Dialect, part: &str) -> String {
    match dialect {
        Dialect::Sqlite => sqlite_newest_in(
            "audit_trigrams",
            &format!("audit_trigrams MATCH {}", quoted(&format!("\"{part}\""))),
        ),
        Dialect::Postgres => {
            newest(&format!("{POSTGRES_TEXT} LIKE {}", quoted(&format!("%{part}%"))))
        }
    }
}

fn with_pattern(dialect: Dialect, pattern: &str) -> String {
    let pattern = quoted(pattern);
    match dialect {
        // SQLite has no regular expressions of its own: the function is one of the caller's.
        Dialect::Sqlite => format!(
            "SELECT * FROM audit_log WHERE user_email REGEXP {pattern} OR details REGEXP {pattern}
             ORDER BY id DESC LIMIT 50"
        ),
        Dialect::Postgres => newest(&format!("{POSTGRES_TEXT} ~ {pattern}")),
    }
}

fn count_of_word(dialect: Dialect, word: &str) -> String {
    match dialect {
        Dialect::Sqlite => {
            format!("SELECT count(*) FROM audit_words WHERE {}", sqlite_match(word))
        }
        Dialect::Postgres => {
            format!("SELECT count(*) FROM audit_log WHERE {}", postgres_match(word))
        }
    }
}

fn sqlite_newest_in(table: &str, condition: &str) -> String {
    format!(
        "SELECT audit_log.* FROM {table} JOIN audit_log ON audit_log.id = {table}.rowid
         WHERE {condition} ORDER BY {table}.rowid DESC LIMIT 50"
    )
}

fn sqlite_match(words: &str) -> String {
    format!("audit_words MATCH {}", quoted(&format!("\"{words}\"")))
}

fn postgres_match(words: &str) -> String {
    format!(
        "to_tsvector('simple', {POSTGRES_TEXT}) @@ phraseto_tsquery('simple', {})",
        quoted(words)
    )
}

fn facets(draw: &Draw) -> Vec<String> {
    let span =
        format!("created_at >= {} AND created_at <= {}", quoted(&draw.from), quoted(&draw.to));
    let top = |value: &str| {
        format!(
            "SELECT {value}, count(*) FROM audit_log WHERE {span} GROUP BY 1 ORDER BY 2 DESC LIMIT 10"
        )
    };
    let facets = [
        "category",
        "action",
        "outcome",
        "user_id",
        "resource_type",
        "resource_type || '/' || resource_id",
        "ip",
    ];
    let total = format!("SELECT count(*) FROM audit_log WHERE {span}");
    let histogram = format!(
        "SELECT substr(created_at, 1, 13), outcome, count(*) FROM audit_log WHERE {span} GROUP BY 1, 2"
    );
    std::iter::once(total).chain(facets.map(top)).chain([histogram]).collect()
}

fn equal(column: &str, value: &str) -> String {
    format!("{column} = {}", quoted(value))
}

/// A text in SQL.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn search(parameters: &[(&str, &str)]) -> String {
    let mut all = parameters.to_vec();
    all.push(("page_size", "50"));
    path("/api/audit/logs", &all)
}

fn statistics(parameters: &[(&str, &str)]) -> String {
    path("/api/audit/stats", parameters)
}

/// A path with a query, whose values are percent-encoded.
pub fn path(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut out = path.to_owned();
    for (index, (name, value)) in parameters.iter().enumerate() {
        out.push(if index == 0 { '?' } else { '&' });
        out.push_str(name);
        out.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_place() {
        assert_eq!(quoted("o'neill"), "'o''neill'");
        assert_eq!(path("/x", &[("q", "a&b=*c*/"), ("n", "1")]), "/x?q=a%26b%3D%2Ac%2A%2F&n=1");
    }
}
