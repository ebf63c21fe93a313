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
        Signer(
            testDescription: "p521",
            key: """
                -----BEGIN PUBLIC KEY-----
                MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAgEv2vXyvy19DgLZZEQPvOrdGtu5q
                AaQo9bAVuaX4PxmmN+Afs8WUTbAgYvh7jEH9yZpGUwl8yOpzjS3gSO/Aj/gBoz6O
                flhGQGECSLppC+8VTv2LuNSSsP0cwDUIxSDMD6r2/8zYMtMDcYENZsAn85ixRZOC
                5zksvuQVngeVAZW+fP4=
                -----END PUBLIC KEY-----
                """,
            id: "5beaa82ffd964d2f1231f1628cbd4b4309b485a30e887f2b20261b23cdbd9749",
            signature: "MIGHAkEo/GrimXinxxyxKR8KUNWwWyCBG8mEYHPswl5/5DkKwUOGTYasoycrE5SoS4UNX8Q9o+wx37HoFI7bq2rB52"
                + "v4xQJCAeY6pWA2in4iGDjnzMYXd94mzFyupIimleKWtdKU7Q0pu1HMm4+MPIsfZ3W7L+gxxKpVLIc3A/GW7rsHSZVZDlR9"),
    ]

    /// RSA, 2048 bits; verified in another process.
    static let rsa = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlQLnT/2WU2cd4j3O5RQS
        GltVNwydgroZq3hjT7JVeVoPTCLPyvx/TEdnDgUU1t3i4LparHLv2h2/tsVq8RFS
        CeDyX3njdqIch7qVVVHNBuY/HgNBRC1LG1qv6lDbt7svoNf2qMFOQiTvvOFExzlJ
        QpIFrbWoqMCX6IMe2k117MORdP2loAM9KhOlWT6mSe1YjxG0j16fwOIkzBvhtZYi
        onAK4du/t9HwjpPYf0jcuRNGyiEK8Hldl3coyK/LtK39/TVK+LiTC6XTSPcLofqv
        Hs79uElzkKwvCbRVDkFO8h6YkXws1NODDm+8AXEc7othRwrubw1n0htn9d4l/ojw
        6QIDAQAB
        -----END PUBLIC KEY-----
        """
    static let rsaID = "accf9a4c4e1808d3c0e89e4466f34b7fd9beedfd5cc2276897c880680e5b7ef7"
    /// 1024 bits.
    static let shortRSA = """
        -----BEGIN PUBLIC KEY-----
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC9aTExegA03TO6nYIV/wyIZyac
        eNQ/eNjLx06CfYp32xZ3XwS1D5EmtKRKdM+VFAzWEA47ZAm0TZPvjEd2nbZwe25M
        sUlawpk5cBFB+vw6smz11fkcY6EEcDhNMbTAQg8PJLZ7Zyb0pjWKlapir2+L/koU
        3349jfDjExsHD4y0jwIDAQAB
        -----END PUBLIC KEY-----
        """
    /// 2048 bits and the exponent 3.
    static let smallExponent = """
        -----BEGIN PUBLIC KEY-----
        MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAuWw+0gK745yENCYSy/7S
        oU+mjI6COL2g4YBg5yX4LtZALh8XOLfFFum5dc4KkdcEBPXSjDRD7xuHhFr6Bejx
        VwMo+LQhm0RDpYuwvy5fWptP3bz1hyeKLkcxySqqymPqhuHg8Nox6TNvi3cBrbx+
        iysMGWirIYoiH4Ia9SpyeTSuUs5Nx1lSrxuLUC8krqkUuICWBsLbLPPt/2+4i25I
        r0rGEaSipqNyYJOenh2RMRWRra+G46BMKyGPzZ/ZE5/GomuJ/MMyzki8ODo8eDyh
        ws8TZ0qcLkyIQfdXI6Y6EFy29Q/OcpzuRfEQJhU1CoygFzDC3RVkNZlxMHUEakbB
        awIBAw==
        -----END PUBLIC KEY-----
        """
    /// 8200 bits.
    static let longRSA = """
        -----BEGIN PUBLIC KEY-----
        MIIEIzANBgkqhkiG9w0BAQEFAAOCBBAAMIIECwKCBAIA1kHe30KqCD+G+4V0R45u
        JmrwF0iRC8DLF14akuo0I95VxB4oFZ7Vg8HnNmyEujo4vmcchYx6e3k2pLry3cYQ
        3vERkgif1XLoLZk0U29jpSa9XzKhSAF0Wn8UDpchNDdaQk+lOU1MIOLnmPxJpNfV
        0g0YXAiEYVB1Pp2S8okDuPys0EllGkge6MHXjV8AhcymXLQZmDbabDqiHERMxpQn
        vIkMrLONoac+E3/L232OHnUNb58uUYOfJL8uyMa1p9F1My/3iYwxgTl0bbA8kU12
        FtTN77T3sr56AOOeV+QW4V0bfT2u+KkY3ib+ofz4X2SYcbuJx9NYtgo5hXWloemf
        wINcZ8QJf6ly2cAb9zR3caNCIfBdsU5yJsxxr41OkmXIXFdTaCg8QUBMlusv7HHs
        L3+t68b5NmybIM1JaKzD4CxfNj2nw7bYS0u/N2ypTvS43O5Vu+qdCJhdqfdqb6yE
        gfV5jhRgwf3oagdxIH0Zsm/dkHaeuflcjmGNliKp/e3a4SdHxx4QrBUu8yxVzMkc
        lsHQSR4VqIZRY6lmDbVVEKS1BMe3AwTX0jFhF3I7FC01JnSRrlb6OlYPo052sqWl
        TQx8Xm32uTBvHX7z6MX15qR089brm4DIgkrUS+JZhL/H4AqpBznQf3Bwyo157vSp
        G3geAiqNraxbbgA3syixYcgpYero22wHO5JH6b1TN9xySgT937cdnNHeJqgrwVSs
        QLvuQVfZbTqXMbk0Vi0bat9rusOFgWSprXMdmRju6uYr9BZ72v2p6+/roeGkuBnN
        thPAY/rW4quN9GzihapzbuJBkTwjJ74HJlrzHif1Xje1AFBaiRabvzNes16NqrB0
        jCHLQArXNvpi5P6XpfWcKgJPRuIcD5Gb1fk/FgcM7AtGkl58v/GuUWfFuzYsykGT
        Seds0bRezj77anUF9c5OAyHZg4iIkSUyp2Yuh6ZqgKujTEEVYJfTi0Je5Nzaqr5z
        Xgufin0ov4vOe8PkxB+vc1CHwRq4FWCsYyS4HrD7oCBipFWDXIjqIER2RQYPr45w
        VTfYeGdSa3ICJ6ezUH7glPJuRP55EMoIxN3Buc0YFw+UdaW2VWz0g47a13/OPsHA
        VbZwDGg2MeK37Lv9PD1Xw5ymBSjhns4tD224EA9NjhIgDN72PdZxA7ZVV7483Kbg
        i8RZBWap05FaNEy57vOLD4NlA9Q9dFlegm3xXbP/rsyrFa6jhDwiN9DoI3W4LPVl
        Ozq7z3VTBMKYDxygw4n1TTz4LVRir4eBBOElfoOt8OaR8h7HxJLH5Yxu1b4qo8FU
        E1X2CwMmeYNU/k6/tPYLYkJUOyJe0KpbAwCcCEjZqpODemA+UmqwrVE1SCPA48JI
        8dkCAwEAAQ==
        -----END PUBLIC KEY-----
        """

    /// Kinds of keys nobody here reads: ECDSA on secp256k1.
    static let strangers: [String] = [
        """
        -----BEGIN PUBLIC KEY-----
        MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEA7TrYdQwJgDBz6Jpfoh4cnP4OdU7iwGx
        HKU8bPqfxa/1qTcKj4BzEn01n7Akmm28WKiYjMvw6ugu/Bv82T5MZA==
        -----END PUBLIC KEY-----
        """
    ]
}
