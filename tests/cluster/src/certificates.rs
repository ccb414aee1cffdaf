//! The certificates of a cluster: an authority of its own, and what it vouches for.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::string::Ia5String;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};

use crate::site::Site;

/// The first address of the Services' range, which is the API server's.
const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);

/// A certificate with its key, both PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// One that vouches for others.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one, kept in these files of the cluster: `ca.crt` and `ca.key` for the name `ca`.
    fn create(site: &Site, name: &str) -> Result<Self> {
        let key = KeyPair::generate()?;
        let certificate = Self::parameters(name).self_signed(&key)?;
        write(&site.pki(&format!("{name}.crt")), &certificate.pem())?;
        write(&site.pki(&format!("{name}.key")), &key.serialize_pem())?;
        Ok(Self { issuer: Issuer::new(Self::parameters(name), key) })
    }

    /// The one that a running cluster has.
    pub(crate) fn open(site: &Site, name: &str) -> Result<Self> {
        let file = site.pki(&format!("{name}.key"));
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        Ok(Self { issuer: Issuer::new(Self::parameters(name), KeyPair::from_pem(&text)?) })
    }

    /// All but the key: the same every time, so that the key alone says who it is.
    fn parameters(name: &str) -> CertificateParams {
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = names(&format!("hourglass-cluster {name}"), &[]);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        parameters
    }

    /// Vouches for a user, or for a server that is also one.
    pub(crate) fn issue(&self, user: &str, groups: &[&str], served: &[SanType]) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = names(user, groups);
        parameters.subject_alt_names = served.to_vec();
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        if !served.is_empty() {
            parameters.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    fn issue_into(&self, site: &Site, file: &str, user: &str, groups: &[&str], served: &[SanType]) -> Result<()> {
        let identity = self.issue(user, groups, served)?;
        write(&site.pki(&format!("{file}.crt")), &identity.certificate)?;
        write(&site.pki(&format!("{file}.key")), &identity.key)
    }
}

/// Everything that the servers of a cluster need. Returns its authority.
pub(crate) fn create(site: &Site) -> Result<Authority> {
    let authority = Authority::create(site, "ca")?;
    let mut served = vec![
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V4(API_SERVICE)),
        SanType::IpAddress(IpAddr::V4(site.address())),
    ];
    for name in ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"] {
        served.push(SanType::DnsName(Ia5String::try_from(name)?));
    }
    served.push(SanType::DnsName(Ia5String::try_from("kubernetes.default.svc.cluster.local")?));
    authority.issue_into(site, "apiserver", "kube-apiserver", &[], &served)?;
    authority.issue_into(site, "apiserver-kubelet", "kube-apiserver-kubelet-client", &["system:masters"], &[])?;
    let node = [SanType::IpAddress(IpAddr::V4(site.address()))];
    authority.issue_into(site, "kubelet", "system:node:node", &["system:nodes"], &node)?;

    // Requests that the API server passes on to another, in the name of a user.
    let front = Authority::create(site, "front-ca")?;
    front.issue_into(site, "front", "front-proxy", &[], &[])?;

    let accounts = KeyPair::generate()?;
    write(&site.pki("accounts.key"), &accounts.serialize_pem())?;
    write(&site.pki("accounts.pub"), &accounts.public_key_pem())?;
    Ok(authority)
}

fn names(user: &str, groups: &[&str]) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    for group in groups {
        names.push(DnType::OrganizationName, *group);
    }
    names.push(DnType::CommonName, user);
    names
}

/// Writes what only its owner may read.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    let file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).with_context(|| path.display().to_string())
}
