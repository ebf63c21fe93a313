import Foundation
import InventoryFormat
import OCIFormat
import Testing

/// Both documents as they were when they held to the schemas of CycloneDX 1.5 and SPDX 2.3, byte for byte.
/// `BULKHEAD_WRITE_GOLDENS=1` writes them anew: hold them to the schemas again before keeping the difference.
@Suite("Bills of materials as they are kept")
struct GoldenTests {
    /// A package with everything, one with nothing, and one whose text is hostile.
    static let packages = [
        InstalledPackage(
            .debian, name: "libc6", version: "2.36-9+deb12u10", architecture: "amd64", sourceName: "glibc",
            sourceVersion: "2.36-9"),
        InstalledPackage(.debian, name: "tzdata", version: "1:2024b-0~x", architecture: "all", sourceName: "tzdata"),
        InstalledPackage(
            .alpine, name: "musl", version: "1.2.5-r0", architecture: "x86_64", sourceName: "musl", license: "MIT"),
        InstalledPackage(.debian, name: "bare", version: "1", architecture: ""),
        InstalledPackage(.debian, name: "../\u{1b}[31m\"ü</x>?#@", version: "\\ 1%", architecture: "a&b"),
    ]

    static let bill = SoftwareBill(
        imageName: "registry.example/app:1", manifest: Digest(of: "m".utf8), created: "2024-05-06T07:08:09.123Z",
        release: OSRelease(parsing: Array("ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian 12\"".utf8)),
        packages: packages, toolVersion: "1.2.3")

    @Test("a small bill is what it was, byte for byte", arguments: SoftwareBill.Format.allCases)
    func kept(_ format: SoftwareBill.Format) throws {
        let text = Self.bill.text(as: format)
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens/\(format).json")
        if ProcessInfo.processInfo.environment["BULKHEAD_WRITE_GOLDENS"] == "1" {
            try Data(text.utf8).write(to: file)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == text)
    }
}
