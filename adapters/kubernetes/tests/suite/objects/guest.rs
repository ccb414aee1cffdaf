//! What runs in the pods of these tests. A program without dependencies, compiled by the suite, static.

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        // Runs and serves nothing.
        ["wait"] => std::thread::sleep(std::time::Duration::from_secs(600)),
        // Ends soon, having said so.
        ["exit", code, say @ ..] => {
            say.iter().for_each(|line| println!("{line}"));
            std::process::exit(code.parse().expect("a number"));
        }
        ["abort"] => std::process::abort(),
        ["eat"] => {
            let mut eaten: Vec<Vec<u8>> = Vec::new();
            loop {
                eaten.push(vec![1; 1 << 20]);
                std::hint::black_box(&eaten);
            }
        }
        other => panic!("no such order: {other:?}"),
    }
}
