//! What runs in the containers of these tests. A program without dependencies, compiled by the suite, static.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::process::exit;
use std::time::Duration;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve"] => {
            let port = std::env::var("GRPC_PORT").expect("GRPC_PORT");
            let listener = TcpListener::bind(format!("0.0.0.0:{port}")).expect("the port is free");
            println!("serving at {port}");
            for stream in listener.incoming() {
                answer(stream.expect("a connection"));
            }
        }
        // Ends soon, having said so.
        ["exit", code, say @ ..] => {
            say.iter().for_each(|line| println!("{line}"));
            exit(code.parse().expect("a number"));
        }
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

/// One line in: what to do; one line out.
fn answer(mut stream: TcpStream) {
    let mut request = [0; 512];
    let Ok(length) = stream.read(&mut request) else { return };
    let request = String::from_utf8_lossy(&request[..length]).trim().to_owned();
    let words: Vec<&str> = request.split(' ').collect();
    let said = match words.as_slice() {
        ["hello"] => "guest".to_owned(),
        ["env", name] => std::env::var(name).unwrap_or_default(),
        ["read", path] => std::fs::read_to_string(path).map_or_else(|error| error.to_string(), |text| text.replace('\n', ";")),
        ["write", path] => std::fs::write(path, "x").map_or_else(|error| error.to_string(), |()| "written".to_owned()),
        ["list", path] => std::fs::read_dir(path).map_or_else(
            |error| error.to_string(),
            |found| found.filter_map(|each| each.ok()?.file_name().into_string().ok()).collect::<Vec<_>>().join(";"),
        ),
        ["connect", address] => {
            let reached = address.to_socket_addrs().ok().and_then(|mut found| found.next());
            let reached = reached.map(|address| TcpStream::connect_timeout(&address, Duration::from_secs(2)));
            match reached {
                Some(Ok(_)) => "connected".to_owned(),
                Some(Err(error)) => error.to_string(),
                None => "no such name".to_owned(),
            }
        }
        ["exit", code] => exit(code.parse().expect("a number")),
        other => format!("what is {other:?}"),
    };
    let _gone = stream.write_all(said.as_bytes());
}
