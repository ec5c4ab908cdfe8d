use super::table::Table;

#[test]
fn entries_come_in_the_order_of_their_touch() {
    let mut table: Table<String, u32> = Table::default();
    for n in 0..4 {
        table.insert(format!("k{n}"), n);
    }
    table.touch(table.find("k1").unwrap());
    let place = table.find("k2").unwrap();
    assert_eq!(table.remove(place), ("k2".to_owned(), 2));
    table.insert("k9".to_owned(), 9);
    let keys: Vec<&str> = table.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["k0", "k3", "k1", "k9"]);
    let oldest = table.oldest().unwrap();
    assert_eq!(table.get(oldest), (&"k0".to_owned(), &0));
    *table.get_mut(oldest).1 = 7;
    assert_eq!(table.remove(oldest).1, 7);
    assert_eq!(table.len(), 3);
    assert!(table.find("k0").is_none());
}

#[test]
fn a_table_that_was_emptied_is_as_new() {
    let mut table: Table<u32, u32> = Table::default();
    for round in 0..3 {
        for n in 0..1_000 {
            table.insert(n, n + round);
        }
        while let Some(place) = table.oldest() {
            table.remove(place);
        }
        assert_eq!((table.len(), table.iter().count()), (0, 0));
    }
}
