//! What holds the namespaces of a pod of the real node: it does nothing, for ever. SIGKILL ends it, as containerd does.

fn main() {
    loop {
        std::thread::park();
    }
}
