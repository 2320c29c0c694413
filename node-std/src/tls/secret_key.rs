//! A private key between its file and the crypto library.

use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs8::pkcs5::{EncryptionScheme, Error};
use pkcs8::{EncryptedPrivateKeyInfo, PrivateKeyInfo};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use zeroize::Zeroizing;

use super::pem::{self, Damage};
use crate::stack;

/// Most rounds of PBKDF2, some seconds of work. openssl takes 2,048 by default.
const MAX_ROUNDS: u32 = 10_000_000;
/// Most memory for scrypt, in bytes. openssl takes 16 MiB by default.
const MAX_MEMORY: u64 = 64 << 20;
/// Most passes of scrypt over that memory.
const MAX_PASSES: u16 = 16;

/// A private key in DER. Wipes itself.
pub(crate) struct SecretKeyDer {
    form: Form,
    der: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Pkcs1,
    Pkcs8,
    Sec1,
}

/// Why a text gives no private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// There is none in it.
    Missing,
    /// It needs a password, and there is none.
    Encrypted,
    /// The password does not open it.
    WrongPassword,
    /// It is encrypted in the form that openssl wrote before PKCS#8.
    TraditionalEncryption,
    /// It is encrypted with an algorithm or a cost that is not taken.
    OtherEncryption,
    /// The PEM is not whole.
    Damaged(Damage),
}

impl SecretKeyDer {
    /// The first private key in a PEM text. The password matters only if it is encrypted.
    pub(crate) fn from_pem(text: &[u8], password: Option<&[u8]>) -> Result<Self, NoKey> {
        for block in pem::blocks(text) {
            let block = block.map_err(NoKey::Damaged)?;
            let form = match block.label {
                b"PRIVATE KEY" => Form::Pkcs8,
                b"EC PRIVATE KEY" => Form::Sec1,
                b"RSA PRIVATE KEY" => Form::Pkcs1,
                b"ENCRYPTED PRIVATE KEY" => {
                    let password = password.ok_or(NoKey::Encrypted)?;
                    let der = block.decode().map_err(NoKey::Damaged)?;
                    let der = stack::wiped(|| decrypt(&der, password))?;
                    return Ok(Self { form: Form::Pkcs8, der });
                }
                _ => continue,
            };
            if block.encrypted {
                return Err(NoKey::TraditionalEncryption);
            }
            return Ok(Self { form, der: block.decode().map_err(NoKey::Damaged)? });
        }
        Err(NoKey::Missing)
    }

    /// The key as the TLS library reads it, without a copy.
    pub(crate) fn as_der(&self) -> PrivateKeyDer<'_> {
        let der = self.der.as_slice();
        match self.form {
            Form::Pkcs1 => PrivatePkcs1KeyDer::from(der).into(),
            Form::Pkcs8 => PrivatePkcs8KeyDer::from(der).into(),
            Form::Sec1 => PrivateSec1KeyDer::from(der).into(),
        }
    }
}

/// Opens an `EncryptedPrivateKeyInfo` (RFC 5958). The key is decrypted in place, so that there is one copy of it.
fn decrypt(der: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, NoKey> {
    let sealed = EncryptedPrivateKeyInfo::try_from(der).map_err(|_| NoKey::OtherEncryption)?;
    let EncryptionScheme::Pbes2(parameters) = &sealed.encryption_algorithm else {
        return Err(NoKey::OtherEncryption);
    };
    if !is_affordable(parameters) {
        return Err(NoKey::OtherEncryption);
    }
    let mut key = Zeroizing::new(sealed.encrypted_data.to_vec());
    let length = match parameters.decrypt_in_place(password, &mut key) {
        Ok(key) => key.len(),
        // The padding tells most wrong passwords.
        Err(Error::DecryptFailed | Error::EncryptFailed) => return Err(NoKey::WrongPassword),
        Err(_) => return Err(NoKey::OtherEncryption),
    };
    key.truncate(length);
    // A few wrong passwords leave good padding, but no key.
    PrivateKeyInfo::try_from(key.as_slice()).map_err(|_| NoKey::WrongPassword)?;
    Ok(key)
}

/// Whether the password can be tried in seconds, and in little memory.
fn is_affordable(parameters: &Parameters<'_>) -> bool {
    match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= MAX_ROUNDS,
        Kdf::Scrypt(scrypt) => {
            let memory = scrypt.cost_parameter.saturating_mul(128).saturating_mul(scrypt.block_size.into());
            scrypt.cost_parameter.is_power_of_two()
                && memory <= MAX_MEMORY
                && scrypt.parallelization <= MAX_PASSES
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    const PASSWORD: &[u8] = b"correct horse";

    /// The files that a script makes with openssl: `NAME.key` and, where it is encrypted, `clear.key`.
    fn made(script: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let output = Command::new("sh").args(["-e", "-c", script]).current_dir(dir.path()).output().unwrap();
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
        dir
    }

    fn read(dir: &tempfile::TempDir, name: &str) -> Vec<u8> {
        fs::read(dir.path().join(name)).unwrap()
    }

    fn open(text: &[u8], password: Option<&[u8]>) -> Result<(Form, Vec<u8>), NoKey> {
        SecretKeyDer::from_pem(text, password).map(|key| (key.form, key.der.to_vec()))
    }

    fn problem(text: &[u8], password: Option<&[u8]>) -> NoKey {
        open(text, password).unwrap_err()
    }

    #[test]
    fn each_form_that_openssl_writes_without_a_password_is_read() {
        for (form, script) in [
            (Form::Sec1, "openssl ecparam -name prime256v1 -genkey -out k"),
            (Form::Sec1, "openssl ecparam -name secp384r1 -genkey -noout -out k"),
            (Form::Pkcs1, "openssl genrsa -traditional -out k 2048"),
            (Form::Pkcs8, "openssl genrsa -out k 2048"),
            (Form::Pkcs8, "openssl genpkey -algorithm ed25519 -out k"),
            (Form::Pkcs8, "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -text -out k"),
        ] {
            let key = SecretKeyDer::from_pem(&read(&made(script), "k"), None).unwrap();
            assert_eq!(key.form, form, "{script}");
            assert!(crate::tls::signing_key(&key.as_der()).is_ok(), "{script}");
        }
    }

    #[test]
    fn each_encrypted_form_gives_the_same_key_as_without_a_password() {
        let clear = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out clear";
        for encrypt in [
            "openssl pkcs8 -topk8 -in clear -out k -passout 'pass:correct horse'",
            "openssl pkcs8 -topk8 -in clear -out k -passout 'pass:correct horse' -scrypt",
            "openssl pkcs8 -topk8 -in clear -out k -passout 'pass:correct horse' -v2 aes-256-cbc -iter 50000",
            "openssl pkcs8 -topk8 -in clear -out k -passout 'pass:correct horse' -v2 aes-192-cbc",
            "openssl pkcs8 -topk8 -in clear -out k -passout 'pass:correct horse' -v2 aes-128-cbc -v2prf hmacWithSHA512",
            "openssl pkcs8 -topk8 -in clear -out k -passout 'pass:correct horse' -scrypt -scrypt_N 2048 -scrypt_r 4 -scrypt_p 2",
            "openssl pkey -aes256 -in clear -out k -passout 'pass:correct horse'",
        ] {
            let dir = made(&format!("{clear}; {encrypt}"));
            let (text, expected) = (read(&dir, "k"), open(&read(&dir, "clear"), None).unwrap());
            assert_eq!(open(&text, Some(PASSWORD)), Ok(expected), "{encrypt}");
            assert_eq!(problem(&text, None), NoKey::Encrypted);
            assert_eq!(problem(&text, Some(b"correct horse ")), NoKey::WrongPassword);
            assert_eq!(problem(&text, Some(b"")), NoKey::WrongPassword);
        }
        let dir = made("openssl genpkey -algorithm RSA -aes256 -out k -pass 'pass:correct horse'");
        assert_eq!(open(&read(&dir, "k"), Some(PASSWORD)).unwrap().0, Form::Pkcs8);
    }

    #[test]
    fn no_wrong_password_is_taken_for_a_damaged_key() {
        let clear = "openssl genpkey -algorithm ed25519 -out clear";
        let encrypt = "openssl pkcs8 -topk8 -in clear -out k -passout pass:p -iter 1";
        let dir = made(&format!("{clear}; {encrypt}"));
        let text = read(&dir, "k");
        // One in 256 leaves good padding.
        for number in 0..1000 {
            let problem = problem(&text, Some(format!("{number}").as_bytes()));
            assert_eq!(problem, NoKey::WrongPassword, "{number}");
        }
    }

    #[test]
    fn the_traditional_form_and_other_algorithms_are_told_apart_from_a_wrong_password() {
        let clear = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out clear";
        for (script, expected) in [
            ("openssl ec -aes128 -in clear -out k -passout pass:p", NoKey::TraditionalEncryption),
            ("openssl pkcs8 -topk8 -v2 des3 -in clear -out k -passout pass:p", NoKey::OtherEncryption),
            (
                "openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -in clear -out k -passout pass:p",
                NoKey::OtherEncryption,
            ),
            (
                "openssl pkcs8 -topk8 -v2prf hmacWithSHA1 -in clear -out k -passout pass:p",
                NoKey::OtherEncryption,
            ),
        ] {
            let dir = made(&format!("{clear}; {script}"));
            assert_eq!(problem(&read(&dir, "k"), Some(b"p")), expected, "{script}");
        }
    }

    #[test]
    fn a_file_cannot_ask_for_work_without_end() {
        use pkcs8::pkcs5::pbes2::{Pbkdf2Params, Pbkdf2Prf, ScryptParams};
        let affordable = |kdf: Kdf<'_>| {
            let mut parameters = Parameters::pbkdf2_sha256_aes128cbc(1, b"salt", &[0; 16]).unwrap();
            parameters.kdf = kdf;
            is_affordable(&parameters)
        };
        let pbkdf2 = |iteration_count| {
            let prf = Pbkdf2Prf::HmacWithSha256;
            affordable(Pbkdf2Params { salt: b"salt", iteration_count, key_length: None, prf }.into())
        };
        assert!(pbkdf2(MAX_ROUNDS) && !pbkdf2(MAX_ROUNDS + 1));
        let scrypt = |cost_parameter, block_size, parallelization| {
            let salt = b"salt";
            affordable(
                ScryptParams { salt, cost_parameter, block_size, parallelization, key_length: None }.into(),
            )
        };
        assert!(scrypt(1 << 16, 8, 16));
        for (cost, block, passes) in
            [(0, 8, 1), (3, 8, 1), (1 << 17, 8, 1), (u64::MAX, 8, 1), (1 << 63, u16::MAX, 1), (16, 8, 17)]
        {
            assert!(!scrypt(cost, block, passes), "{cost} {block} {passes}");
        }
    }

    #[test]
    fn damaged_keys_are_errors_and_never_panics() {
        let clear = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out clear";
        let encrypt = "openssl pkcs8 -topk8 -scrypt -scrypt_N 2 -scrypt_r 1 -scrypt_p 1 -in clear -out k -passout pass:p";
        let dir = made(&format!("{clear}; {encrypt}"));
        let text = read(&dir, "k");
        let block = pem::blocks(&text).next().unwrap().unwrap();
        let der = block.decode().unwrap();
        for end in 0..der.len() {
            assert!(decrypt(&der[..end], b"p").is_err(), "{end}");
        }
        for index in 0..der.len() {
            for bit in 0..8 {
                let mut der = der.to_vec();
                der[index] ^= 1 << bit;
                // What it says does not matter: a changed salt is a wrong password, a changed last bit of padding may be none.
                let _ = decrypt(&der, b"p");
            }
        }
    }
}
