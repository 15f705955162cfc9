#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sternway_fuzz::bend("secret", bytes));
