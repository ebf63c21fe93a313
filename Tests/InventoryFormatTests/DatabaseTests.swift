import Diagnostics
import InventoryFormat
import Testing

@Suite("Databases of packages")
struct DatabaseTests {
    static let debian = """
        Package: libc6
        Status: install ok installed
        Priority: optional
        Architecture: amd64
        Multi-Arch: same
        Source: glibc (2.36-9)
        Version: 2.36-9+deb12u10
        Description: GNU C Library: Shared libraries
         Contains the standard libraries that are used by nearly all programs
         Package: not-one
         .
         Version: 9

        Package: gone
        Status: deinstall ok config-files
        Architecture: all
        Version: 1

        Package: tzdata
        Status: hold ok installed
        Architecture: all
        Source: tzdata-src
        Version: 1:2024b-0

        """

    @Test("what is installed is listed with its source; what was removed is not, and a description names nothing")
    func debianStatus() throws {
        let packages = try DebianDatabase.packages(parsing: Array(Self.debian.utf8), from: "status")
        #expect(
            packages == [
                InstalledPackage(
                    .debian, name: "libc6", version: "2.36-9+deb12u10", architecture: "amd64", sourceName: "glibc",
                    sourceVersion: "2.36-9"),
                InstalledPackage(
                    .debian, name: "tzdata", version: "1:2024b-0", architecture: "all", sourceName: "tzdata-src"),
            ])
    }

    @Test("a file a package, as images without a package manager have it, says nothing of the state")
    func parts() throws {
        let text = "Package: base-files\nVersion: 12.4\nArchitecture: amd64"
        #expect(try DebianDatabase.packages(parsing: Array(text.utf8), from: "x").map(\.name) == ["base-files"])
    }

    static let alpine = """
        C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=
        P:musl
        V:1.2.5-r0
        A:x86_64
        L:MIT
        o:musl
        F:lib
        R:ld-musl-x86_64.so.1
        a:0:0:755

        P:busybox
        V:1.36.1-r28
        A:x86_64
        L:GPL-2.0-only
        o:busybox
        """

    @Test("apk's database is read")
    func alpineInstalled() throws {
        let packages = try AlpineDatabase.packages(parsing: Array(Self.alpine.utf8), from: "installed")
        #expect(packages.map(\.name) == ["musl", "busybox"])
        #expect(packages.map(\.version) == ["1.2.5-r0", "1.36.1-r28"])
        #expect(packages.map(\.license) == ["MIT", "GPL-2.0-only"])
    }

    @Test("nothing is in an empty database", arguments: ["", "\n", "\n\n\n"])
    func empty(_ text: String) throws {
        #expect(try DebianDatabase.packages(parsing: Array(text.utf8), from: "x").isEmpty)
        #expect(try AlpineDatabase.packages(parsing: Array(text.utf8), from: "x").isEmpty)
    }

    static let damaged = [
        "Package: a\nStatus: install ok installed", "Version: 1", "Package: a\nPackage: b\nVersion: 1",
        "Package:\nVersion: 1", "Package: a\nVersion: " + String(repeating: "1", count: 5_000),
    ]

    @Test("a database that hides something is refused", arguments: damaged)
    func refused(_ text: String) {
        let failure = #expect(throws: Failure.self) {
            try DebianDatabase.packages(parsing: Array(text.utf8), from: "/var/lib/dpkg/status")
        }
        #expect(failure?.code == "inventory.damaged" && failure?.subject == "/var/lib/dpkg/status")
    }

    @Test("more packages or bytes than the limits have are refused")
    func limits() {
        let many = String(repeating: "P:a\nV:1\n\n", count: InventoryLimits.packages + 1)
        #expect(throws: Failure.self) { try AlpineDatabase.packages(parsing: Array(many.utf8), from: "x") }
        let large = [UInt8](repeating: 0x20, count: InventoryLimits.fileBytes + 1)
        #expect(throws: Failure.self) { try AlpineDatabase.packages(parsing: large, from: "x") }
    }

    @Test("os-release is read, and what is no word is left out")
    func release() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n"
        let release = OSRelease(parsing: Array(text.utf8))
        #expect(release.id == "debian" && release.version == "12")
        #expect(release.prettyName == "Debian GNU/Linux 12 (bookworm)")
        #expect(OSRelease(parsing: Array("ID=../x\nVERSION_ID='a b'\nnothing".utf8)).id == nil)
        #expect(OSRelease(parsing: []).version == nil)
    }
}
