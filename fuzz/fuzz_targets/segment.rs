#![no_main]

// The Parquet library panics over some forged footers, and the segment's reader turns that into an error.
// The fuzzer's own hook would end the process before; a panic that nobody catches still ends it.
libfuzzer_sys::fuzz_target!(init: std::panic::set_hook(Box::new(|_| ())), |data: &[u8]| {
    indelible_fuzz::checks::segment(data)
});
