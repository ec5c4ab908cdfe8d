use std::collections::BTreeSet;

use indelible_event::Micros;
use indelible_index::query;
use indelible_keep::matching;

use super::world::World;

/// What the rows of segments say is what the records say, with an index and without one.
#[test]
fn rows_are_just_those_that_a_query_means() {
    for world in [World::served(), World::bare()] {
        world.append("shop", "login", 40, 4);
        world.append("bank", "data_access", 30, 3);
        world.seal();
        world.append("shop", "data_create", 20, 2);
        world.seal();
        for (text, expected) in [
            ("trail:shop", 60),
            ("actor.id:u1", 30),
            ("trail:bank actor.id:u2 OR category:data_create", 30),
            ("details.n:>=15 trail:shop", 30),
            ("NOT trail:_system NOT action:a.b", 0),
            ("actor.id:u*", 90),
        ] {
            let query = query::parse(text, Micros(0)).unwrap();
            let found = matching::rows(&world.keep, &query).unwrap();
            let view = world.keep.store().reader().view();
            let mut places = BTreeSet::new();
            for (file, rows) in &found {
                let segments = view.segments();
                let segment = segments.iter().find(|s| s.file_no() == *file).unwrap();
                for record in view.read_rows(segment, &rows.iter().collect::<Vec<_>>()) {
                    places.insert(record.unwrap().pos);
                }
            }
            assert_eq!(places.len(), expected, "{text}");
        }
    }
}
