import Testing

/// Keys and signatures that OpenSSL made (genpkey, pkey -pubout, dgst -sha256 -sign; pkeyutl -rawin for Ed25519) over
/// a payload in cosign's form: somebody else's work, so that ours is not compared with itself.
enum ForeignSignatures {
    struct Signer: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var key: String
        /// SHA-256 of its DER, by openssl and sha256sum.
        var id: String
        var signature: String
    }

    static let payload =
        #"{"critical":{"identity":{"docker-reference":"registry.example/team/app"},"#
        + #""image":{"docker-manifest-digest":"sha256:"#
        + #"e59625a822497c164d60705eb3fd6975c375ca213b8140137a826a77790986a9"},"#
        + #""type":"cosign container image signature"},"optional":null}"#
    /// Of the bytes "a manifest".
    static let digest = "sha256:e59625a822497c164d60705eb3fd6975c375ca213b8140137a826a77790986a9"

    static let signers: [Signer] = [
        Signer(
            testDescription: "p256",
            key: """
                -----BEGIN PUBLIC KEY-----
                MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEvTLaLjLH8oTyBaWcmnbqMCltJ345
                eZduB/x3vw2x3O/QzTY37OE5q6cLAQyPss4eAwm4WyAYX/+rFJ8c1bsFKA==
                -----END PUBLIC KEY-----
                """,
            id: "3d2c84bc94b75bb73c44dea94efee70e586f85b4583c8e5ac71ebf64ba607332",
            signature: "MEYCIQDcipE5yRyCGT6QUraMt23JqjIww1de6DQQAKuv0tyK7AIhAJD9+q0dobxGj7l8GPgDMCEt8JtKkn+jn1+L"
                + "PVINUUIF"),
        Signer(
            testDescription: "p384",
            key: """
                -----BEGIN PUBLIC KEY-----
                MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEYaYtfzsi2WW37w6mGxrs/9LbZilLirGH
                Mg9BOzOJ8cnTbBAUW5dnZeajtAU0PdK3NknOk3gvTYbp8cpHxlFuk/yJ1HBJBzkW
                Tm7tAl9x6YosvD2IL8aSLIKxOUPOvMl8
                -----END PUBLIC KEY-----
                """,
            id: "4a7190fc79b6c580f1b94bc621d6a3954112a9e4c909b806359a047998fa8e63",
            signature: "MGUCMQCh5ME7b6ipaHf4/aqekVAoeqH9tlFrr+HF0c3r4CNwJ1Ffd5soXBEu5cQntyhR/SwCMB+G67lO6/3gg3m+"
                + "ERtgFRlvp8U8iI4cyxMSZaG2LlUjmdlMoJRKEABhUAznaAvQ6g=="),
        Signer(
            testDescription: "ed25519",
            key: """
                -----BEGIN PUBLIC KEY-----
                MCowBQYDK2VwAyEA27BzwwnKnsFgvviZAO2kwROGcyIDYhPkfPsq1CNWgMg=
                -----END PUBLIC KEY-----
                """,
            id: "350890eb6786c1102b3ff9ac064d5aaf5886332148befb80dbf21aeaf99a0512",
            signature: "LdMCl2Qhm62mdWBbiVqETpFuc4YVkkLy2O7NZ06BWuP550ikYeD0xNgX4wi09mB0qQTF3PjLTHfcaQFh0PKaDg=="),
    ]

    /// Kinds of keys nobody here reads.
    static let strangers: [String] = [
        """
        -----BEGIN PUBLIC KEY-----
        MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQB7C6Ony8DWw1VarlBCRgbt79sMoi6
        9n7frKCoHLLb1OYpl+K5HViOD+dNrCnSXm4X4DJ7ou+UfnSS62UyE9pSUnABQjDj
        h7DB/usYT0dwX/DiHy/mcYl2Fh/GqOstYBpGc34tQlp4NSErWK1VC7Ino7D8Qz1t
        m6FvitsCDLBWsvidra0=
        -----END PUBLIC KEY-----
        """
    ]
}
