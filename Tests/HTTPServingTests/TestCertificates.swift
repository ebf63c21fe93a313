/// Certificates for tests only, good for a hundred years: an authority, a server and a client it signs, and a stranger.
enum TestCertificates {
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBiDCCAS+gAwIBAgIURR0AylNCl6afotZ+eEcSGCopnNMwCgYIKoZIzj0EAwIw
        GTEXMBUGA1UEAwwOVGVzdCBhdXRob3JpdHkwIBcNMjYxMTIxMDQwMzU1WhgPMjEy
        NjEwMjgwNDAzNTVaMBkxFzAVBgNVBAMMDlRlc3QgYXV0aG9yaXR5MFkwEwYHKoZI
        zj0CAQYIKoZIzj0DAQcDQgAE5PtrvlaH4VHaatlzDEKbQAhIvDFvxTUSyGf/1xLU
        /J9lusjyO1Vvlxi4HEwEQE0FZc6/SGtKw7ZkSDjeobV7HKNTMFEwHQYDVR0OBBYE
        FKZSrijczmHwyQ0vkUYjpxA2Uj7mMB8GA1UdIwQYMBaAFKZSrijczmHwyQ0vkUYj
        pxA2Uj7mMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgHDGlNUfr
        Hue7AN6fuQb6295yS35F3sglI/zpeS6jGt0CIHi9GCdtZ7eNx4BN1Lw+5xOMApkp
        cX0rYd8kcMvZ9A9v
        -----END CERTIFICATE-----
        """
    static let server = """
        -----BEGIN CERTIFICATE-----
        MIIBizCCATKgAwIBAgIUbIOTjAVSj+YPKCev6AK3ECY0O9IwCgYIKoZIzj0EAwIw
        GTEXMBUGA1UEAwwOVGVzdCBhdXRob3JpdHkwIBcNMjYxMTIxMDQwMzU1WhgPMjEy
        NjEwMjgwNDAzNTVaMBExDzANBgNVBAMMBnNlcnZlcjBZMBMGByqGSM49AgEGCCqG
        SM49AwEHA0IABOaauM/MtJC0dSAvRYLUFjHBBjGGuzfoKGFd2Lot6tBfd/YB3cAs
        eaHmKabv9Pq+VcSQjj/a+DLcuA0WidbhHNmjXjBcMBoGA1UdEQQTMBGCCWxvY2Fs
        aG9zdIcEfwAAATAdBgNVHQ4EFgQUczPO6fINSUKFn4sa3hTLum29m3AwHwYDVR0j
        BBgwFoAUplKuKNzOYfDJDS+RRiOnEDZSPuYwCgYIKoZIzj0EAwIDRwAwRAIgbl2j
        Sdl4yoDrD5iTVr03DEjDPN8aYo7jhl/3QoSfV3gCIEaIKdPVw7l1o08TuTWbgdhd
        0RVIdPvXIC9ZFvSqS6pR
        -----END CERTIFICATE-----
        """
    static let serverKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQdUZZTsmBvQkCnFA
        doixoVW1y+4djlLLnT0m+wkcQsGhRANCAATmmrjPzLSQtHUgL0WC1BYxwQYxhrs3
        6ChhXdi6LerQX3f2Ad3ALHmh5imm7/T6vlXEkI4/2vgy3LgNFonW4RzZ
        -----END PRIVATE KEY-----
        """
    static let client = """
        -----BEGIN CERTIFICATE-----
        MIIBjDCCATKgAwIBAgIUbIOTjAVSj+YPKCev6AK3ECY0O9MwCgYIKoZIzj0EAwIw
        GTEXMBUGA1UEAwwOVGVzdCBhdXRob3JpdHkwIBcNMjYxMTIxMDQwMzU1WhgPMjEy
        NjEwMjgwNDAzNTVaMBExDzANBgNVBAMMBmNsaWVudDBZMBMGByqGSM49AgEGCCqG
        SM49AwEHA0IABJur+KQS28dH9ToiRwFZZe4OldY/LqavaKxrEdfJZeNwLt1QZ4lv
        GMDGPEBBK4vtXB5joTKChvZbqTXoJIejEYmjXjBcMBoGA1UdEQQTMBGCCWxvY2Fs
        aG9zdIcEfwAAATAdBgNVHQ4EFgQU0IbJ49dm5ESKEV+/qnT03xg9Xj8wHwYDVR0j
        BBgwFoAUplKuKNzOYfDJDS+RRiOnEDZSPuYwCgYIKoZIzj0EAwIDSAAwRQIhAJK9
        ZtxP4L+s+9L8IQ6y1QcMQqC7B8vXaZ1fFwY7oySCAiBWUMeL0XMdvwAKOH9aqLNJ
        dv3wAddmfPebVNfraOtYmQ==
        -----END CERTIFICATE-----
        """
    static let clientKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgi4noq+8egP7Xpkd6
        KS4/jViLQi+VPY9KFWsdM69qVcuhRANCAASbq/ikEtvHR/U6IkcBWWXuDpXWPy6m
        r2isaxHXyWXjcC7dUGeJbxjAxjxAQSuL7VweY6Eygob2W6k16CSHoxGJ
        -----END PRIVATE KEY-----
        """
    static let stranger = """
        -----BEGIN CERTIFICATE-----
        MIIBfjCCASOgAwIBAgIUIHJy6qJSFpzRieWsMjyZa+i6AIowCgYIKoZIzj0EAwIw
        EzERMA8GA1UEAwwIc3RyYW5nZXIwIBcNMjYxMTIxMDQwMzU1WhgPMjEyNjEwMjgw
        NDAzNTVaMBMxETAPBgNVBAMMCHN0cmFuZ2VyMFkwEwYHKoZIzj0CAQYIKoZIzj0D
        AQcDQgAEAGUcNTsiv5nf5Y8OIb8dhh2bfQEMq3VAmORYiILqpRq/RexcRBgeiowN
        vI6PeaN/ndp+sHaWMfzCcFPes4wJ3qNTMFEwHQYDVR0OBBYEFKLyliR3L6tUPxxF
        41FPG+/nbQRHMB8GA1UdIwQYMBaAFKLyliR3L6tUPxxF41FPG+/nbQRHMA8GA1Ud
        EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhANz8aBtHZ4Nf09gUGUFIkgV7
        10UJovBH0wAmzCX1mi8gAiEAmfCSMQbfkl506z1L/xaSRDfyG5cw+TF786TGi9TY
        KMM=
        -----END CERTIFICATE-----
        """
    static let strangerKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg71zbDTKYpbo2QdOj
        Cvd+BUN2cHI/RexNViW8QT7pM0ihRANCAAQAZRw1OyK/md/ljw4hvx2GHZt9AQyr
        dUCY5FiIguqlGr9F7FxEGB6KjA28jo95o3+d2n6wdpYx/MJwU96zjAne
        -----END PRIVATE KEY-----
        """
}
