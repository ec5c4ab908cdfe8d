//! Certificates, made by the openssl that is there.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// An authority and those that it vouched for: `NAME.pem` and `NAME.key`.
pub struct Certificates {
    dir: TempDir,
}

const CONFIG: &str = "[ca]\ndefault_ca = own\n[own]\ndatabase = index.txt\nnew_certs_dir = .\nserial = serial\n\
    default_md = sha256\npolicy = any\nunique_subject = no\n[any]\ncommonName = supplied\n";

impl Certificates {
    pub fn new() -> Certificates {
        let certificates = Certificates { dir: tempfile::tempdir().unwrap() };
        let write = |name: &str, text: &str| std::fs::write(certificates.path(name), text).unwrap();
        write("ca.cnf", CONFIG);
        write("index.txt", "");
        write("serial", "10\n");
        write("ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
        certificates.authority("ca");
        certificates
    }

    pub fn authority(&self, name: &str) {
        self.key(name);
        self.openssl(&format!(
            "req -x509 -new -key {name}.key -subj /CN={name}-authority -days 2 -out {name}.pem -addext basicConstraints=critical,CA:TRUE"
        ));
    }

    /// A certificate for this machine, of the authority.
    pub fn issue(&self, name: &str) {
        self.issue_within(name, "20200101000000Z", "20991231000000Z");
    }

    pub fn expired(&self, name: &str) {
        self.issue_within(name, "20200101000000Z", "20200201000000Z");
    }

    fn issue_within(&self, name: &str, from: &str, to: &str) {
        self.key(name);
        self.openssl(&format!(
            "req -new -key {name}.key -subj /CN={name}.example.com -out {name}.csr"
        ));
        self.openssl(&format!(
            "ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -in {name}.csr -startdate {from} -enddate {to} -extfile ext -out {name}.pem"
        ));
    }

    fn key(&self, name: &str) {
        self.openssl(&format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"));
    }

    fn openssl(&self, arguments: &str) {
        let out = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(self.dir.path())
            .output();
        let out = out.expect("the tests make certificates with the openssl program");
        assert!(out.status.success(), "{arguments}: {}", String::from_utf8_lossy(&out.stderr));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        Path::new(self.dir.path()).join(name)
    }

    /// `tls` of an input, with this certificate.
    pub fn server(&self, name: &str, client_ca: bool) -> String {
        let path = |name: String| self.path(&name).display().to_string();
        let ca = if client_ca {
            format!(", client_ca: {}", path("ca.pem".into()))
        } else {
            String::new()
        };
        format!(
            "{{ cert: {}, key: {}{ca} }}",
            path(format!("{name}.pem")),
            path(format!("{name}.key"))
        )
    }

    /// `tls` of a stream, with this certificate if any.
    pub fn client(&self, ca: &str, name: Option<&str>) -> String {
        let path = |name: &str| self.path(name).display().to_string();
        let own = name.map(|name| {
            format!(
                ", cert: {}, key: {}",
                path(&format!("{name}.pem")),
                path(&format!("{name}.key"))
            )
        });
        format!("{{ ca: {}{} }}", path(&format!("{ca}.pem")), own.unwrap_or_default())
    }
}
