#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hourglass_fuzz::messages(data));
