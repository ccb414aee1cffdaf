#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| hourglass_fuzz::key_file(data));
