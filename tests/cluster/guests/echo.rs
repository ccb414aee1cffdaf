//! What runs in the pods of the cluster's own tests. A program without dependencies, static.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve"] => {
            let listener = TcpListener::bind("0.0.0.0:8080").expect("the port is free");
            println!("serving");
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let _request = stream.read(&mut [0; 512]);
                let _gone = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\necho");
            }
        }
        ["ask", address] => {
            let began = Instant::now();
            let answer = loop {
                match ask(address) {
                    Ok(answer) => break answer,
                    Err(error) if began.elapsed() > Duration::from_secs(30) => panic!("{address}: {error}"),
                    Err(_) => std::thread::sleep(Duration::from_millis(200)),
                }
            };
            println!("{answer}");
        }
        other => panic!("no such order: {other:?}"),
    }
}

fn ask(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.lines().last().unwrap_or_default().to_owned())
}
