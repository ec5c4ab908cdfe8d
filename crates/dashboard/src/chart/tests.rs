use maud::html;

use super::*;

const LAYERS: &[Layer] =
    &[Layer { class: "bad", name: "failed" }, Layer { class: "good", name: "succeeded" }];

fn bar(label: &str, counts: &[u64]) -> Bar {
    let (label, counts) = (label.to_owned(), counts.to_vec());
    Bar { tick: Some(label.clone()), label, href: Some("/?q=a&t=b".into()), counts }
}

fn drawn(bars: &[Bar]) -> String {
    stacked("c", "Title", "When", LAYERS, bars).into_string()
}

#[test]
fn an_axis_ends_at_a_round_number_above_the_most() {
    for (most, end) in [
        (0, 2),
        (1, 2),
        (2, 2),
        (3, 4),
        (9, 10),
        (10, 10),
        (11, 12),
        (19, 20),
        (99, 100),
        (101, 120),
        (1_234_567, 1_400_000),
        (u64::MAX, u64::MAX),
        (u64::MAX - 1, u64::MAX),
    ] {
        assert_eq!(axis_end(most), end, "{most}");
    }
}

#[test]
fn numbers_are_short_at_the_edge() {
    for (number, wanted) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1k"),
        (1_250, "1.2k"),
        (12_345, "12k"),
        (999_999, "999k"),
        (2_500_000, "2.5M"),
        (u64::MAX, "18E"),
    ] {
        assert_eq!(compact(number), wanted);
    }
}

#[test]
fn nothing_and_one_bucket_and_the_greatest_numbers_are_drawn() {
    assert!(drawn(&[]).contains("Nothing in this time"));
    assert!(drawn(&[bar("a", &[0, 0])]).contains("Nothing in this time"));
    let one = drawn(&[bar("a", &[0, 2])]);
    assert!(one.contains("width=\"82%\"") && one.contains("height=\"100%\""), "{one}");
    let huge = drawn(&[bar("a", &[u64::MAX, u64::MAX]), bar("b", &[0, 1])]);
    assert!(
        !huge.contains("NaN")
            && !huge.contains("inf")
            && !huge.contains("height=\"-")
            && !huge.contains("y=\"-"),
        "{huge}"
    );
    assert!(huge.contains("18,446,744,073,709,551,615"), "{huge}");
}

#[test]
fn layers_stand_on_each_other_and_small_ones_are_seen() {
    let bar = bar("a", &[1, 999_999]);
    let stack = bars_stack(&bar, 1_000_000);
    assert_eq!(stack.len(), 2);
    assert!(stack[0].1 >= 0.8, "one of a million is seen");
    assert!((stack[0].0 + stack[0].1 - 100.0).abs() < 1e-9, "it stands on the ground");
    assert!(stack[1].0 >= 0.0, "nothing is above the top");
}

fn bars_stack(bar: &Bar, end: u64) -> Vec<(f64, f64)> {
    bars::stack(LAYERS, bar, end).into_iter().map(|(_, y, height)| (y, height)).collect()
}

#[test]
fn whatever_a_label_holds_stays_text() {
    let drawn = drawn(&[bar("<script>\"'&", &[1, 1])]);
    assert!(!drawn.contains("<script>"), "{drawn}");
    assert!(drawn.contains("href=\"/?q=a&amp;t=b\""), "{drawn}");
    let label = crate::text::short("\"><img src=x onerror=alert(1)>\u{202e}");
    let rows = [Ranked { label, href: Some("/?q=\"><b>".into()), count: 1 }];
    let ranked = ranked("r", "Actors", &rows, 0).into_string();
    assert!(!ranked.contains("<img") && !ranked.contains("<b>"), "{ranked}");
    assert!(ranked.contains("U+202E"), "{ranked}");
}

#[test]
fn times_that_would_be_cut_off_are_left_out() {
    let bars: Vec<Bar> = (0..20).map(|at| bar(&format!("tick{at}"), &[1, 1])).collect();
    let drawn = drawn(&bars);
    let shown = |at: usize| drawn.contains(&format!("dx=\"1\">tick{at}<"));
    assert!(shown(0) && shown(17) && !shown(18) && !shown(19), "{drawn}");
}

#[test]
fn ranked_values_are_measured_by_the_most_frequent() {
    let row = |count| Ranked { label: html! { "x" }, href: None, count };
    let drawn = ranked("r", "Actors", &[row(200), row(50), row(0)], 7).into_string();
    for wanted in ["width=\"100%\"", "width=\"25%\"", "width=\"0%\"", "All others"] {
        assert!(drawn.contains(wanted), "{wanted}: {drawn}");
    }
    assert!(ranked("r", "Actors", &[], 0).into_string().contains("None in this time"));
}

#[test]
fn a_heat_map_has_every_count_as_text() {
    let rows = [("Monday".to_owned(), vec![0, 1_500]), ("Tuesday".to_owned(), vec![3, 750])];
    let drawn = heat("h", "Hours", &["00:00".into(), "01:00".into()], &rows).into_string();
    for wanted in ["Monday 01:00: 1,500", "class=\"s4\"", "class=\"none\"", "class=\"s2\"", "1.5k"]
    {
        assert!(drawn.contains(wanted), "{wanted}: {drawn}");
    }
    assert!(heat("h", "Hours", &[], &[]).into_string().contains("Nothing in this time"));
}
