#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| indelible_fuzz::checks::tile_path(data));
