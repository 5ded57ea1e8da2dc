//! Searches a mapped file for each line of standard input, which is hexadecimal; prints the nanoseconds
//! that it took.

use memchr::memmem::find;
use std::fs::File;
use std::io::{stdin, BufRead};
use std::time::Instant;

fn bytes_of(line: &str) -> Vec<u8> {
    (0..line.len() / 2).map(|i| u8::from_str_radix(&line[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn main() {
    let file = File::open(std::env::args().nth(1).unwrap()).unwrap();
    // SAFETY: nobody else changes the file meanwhile.
    let bytes = unsafe { memmap2::MmapOptions::new().populate().map(&file) }.unwrap();
    for line in stdin().lock().lines() {
        let needle = bytes_of(&line.unwrap());
        let start = Instant::now();
        let found = find(&bytes, &needle);
        let taken = start.elapsed().as_nanos();
        println!("{}", found.map_or(taken.to_string(), |_| "found".to_string()));
    }
}
