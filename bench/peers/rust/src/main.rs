//! The work of peers_bench.ts in Rust. Each line of standard input is a work, a path, and how often;
//! the answer is the nanoseconds that all of it took, and a number that tells whether it was done.

use memmap2::{Mmap, MmapMut};
use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::{stdin, BufRead};
use std::time::Instant;

const RECORD: usize = 4096;
const STEP: u64 = 65536;

fn map(path: &str) -> Mmap {
    let file = File::open(path).unwrap();
    // SAFETY: nobody else changes the file meanwhile.
    unsafe { Mmap::map(&file) }.unwrap()
}

fn map_writable(path: &str) -> (File, MmapMut) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    // SAFETY: nobody else changes the file meanwhile.
    let map = unsafe { MmapMut::map_mut(&file) }.unwrap();
    (file, map)
}

fn numbers(bytes: &[u8]) -> &[f64] {
    // SAFETY: any eight bytes are an f64.
    unsafe { bytes.align_to::<f64>() }.1
}

/// Places of units of so many bytes, the same in all languages.
fn places(times: usize, length: usize, unit: usize) -> Vec<usize> {
    let mut state = 1u32;
    (0..times)
        .map(|_| {
            state = state.wrapping_mul(1664525).wrapping_add(1013904223);
            ((state as u64 * (length / unit) as u64) >> 32) as usize
        })
        .collect()
}

fn open_close(path: &str, times: usize) -> f64 {
    (0..times).map(|_| map(path)[0] as f64).sum()
}

fn sum(path: &str, times: usize) -> f64 {
    let mut total = 0.0;
    for _ in 0..times {
        total = numbers(&map(path)).iter().sum();
    }
    total
}

fn read_records(bytes: &[u8], at: &[usize]) -> f64 {
    let mut record = [0u8; RECORD];
    let mut total = 0.0;
    for i in at {
        record.copy_from_slice(&bytes[i * RECORD..(i + 1) * RECORD]);
        let record = black_box(&record);
        total += f64::from_ne_bytes(record[..8].try_into().unwrap());
    }
    total
}

fn read_numbers(bytes: &[u8], at: &[usize]) -> f64 {
    let numbers = numbers(bytes);
    at.iter().map(|&i| numbers[i]).sum()
}

fn search(bytes: &[u8], times: usize) -> f64 {
    let find = || memchr::memmem::find(bytes, b"connection refused").map_or(-1.0, |at| at as f64);
    (0..times).map(|_| find()).sum()
}

fn write_flush(bytes: &mut MmapMut, at: &[usize]) -> f64 {
    for (value, i) in at.iter().enumerate() {
        bytes[i * RECORD..(i + 1) * RECORD].fill(value as u8);
        bytes.flush_range(i * RECORD, RECORD).unwrap();
    }
    at.len() as f64
}

fn grow(path: &str, times: usize) -> f64 {
    let (file, mut bytes) = map_writable(path);
    for _ in 0..times {
        let length = bytes.len() as u64 + STEP;
        drop(bytes);
        file.set_len(length).unwrap();
        // SAFETY: nobody else changes the file meanwhile.
        bytes = unsafe { MmapMut::map_mut(&file) }.unwrap();
        bytes[length as usize - 1] = 1;
    }
    bytes.len() as f64
}

fn timed(work: impl FnOnce() -> f64) {
    let start = Instant::now();
    let check = work();
    println!("{} {}", start.elapsed().as_nanos(), check);
}

fn main() {
    let mut opened: Option<(String, Mmap)> = None;
    let mut written: Option<(String, MmapMut)> = None;
    for line in stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let (work, path, times) = (words[0], words[1], words[2].parse().unwrap());
        match work {
            "open-close" => timed(|| open_close(path, times)),
            "sum" => timed(|| sum(path, times)),
            "grow" => timed(|| grow(path, times)),
            "write-flush" => {
                if written.as_ref().map_or(true, |(name, _)| name != path) {
                    written = Some((path.to_string(), map_writable(path).1));
                }
                let bytes = &mut written.as_mut().unwrap().1;
                let at = places(times, bytes.len(), RECORD);
                timed(|| write_flush(bytes, &at));
            }
            _ => {
                if opened.as_ref().map_or(true, |(name, _)| name != path) {
                    opened = Some((path.to_string(), map(path)));
                }
                let bytes: &[u8] = &opened.as_ref().unwrap().1;
                let at = places(times, bytes.len(), if work == "read-8" { 8 } else { RECORD });
                match work {
                    "read-4k" => timed(|| read_records(bytes, &at)),
                    "read-8" => timed(|| read_numbers(bytes, &at)),
                    "search" => timed(|| search(bytes, times)),
                    _ => panic!("no such work: {work}"),
                }
            }
        }
    }
}
