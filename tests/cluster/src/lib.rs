//! A real Kubernetes for tests: etcd, a kube-apiserver, simulated nodes, a node with a kubelet.
