//! What runs in the containers of these tests. A program without dependencies, compiled by the suite, static.

use std::io::{Read, Write};
use std::net::{TcpListener, ToSocketAddrs};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve"] => {
            let listener = TcpListener::bind("0.0.0.0:9090").expect("the port is free");
            println!("serving");
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let _request = stream.read(&mut [0; 512]);
                let _gone = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nguest");
            }
        }
        ["resolve", name] => match (*name, 1).to_socket_addrs() {
            Ok(mut found) => println!("{}", found.next().expect("an address").ip()),
            Err(error) => {
                println!("{error}");
                std::process::exit(1);
            }
        },
        ["write", path, bytes] => {
            let bytes: usize = bytes.parse().expect("a number");
            if let Err(error) = std::fs::write(path, vec![0; bytes]) {
                println!("{error}");
                std::process::exit(1);
            }
        }
        other => panic!("no such order: {other:?}"),
    }
}
