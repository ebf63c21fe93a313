import Diagnostics
import OCIFormat
import Testing

@Suite("users")
struct UserSpecTests {
    @Test(
        "a user is a number or a name, with or without a group",
        arguments: [
            ("0", "0"), ("1", "1"), ("0001", "1"), ("4294967294", "4294967294"), ("1:1", "1:1"), ("1000:", "1000"),
            ("nobody", "nobody"), ("www-data:www-data", "www-data:www-data"), ("_apt:65534", "_apt:65534"),
            ("machine$", "machine$"),
        ])
    func reads(text: String, expected: String) throws { #expect(try UserSpec(parsing: text).description == expected) }

    @Test(
        "what is neither is refused, and never becomes root",
        arguments: [
            "", ":", ":0", ":users", "+1", "-1", " 1", "1 ", "0x1", "1e3", "1.0", "4294967295", "4294967296",
            "18446744073709551616", "99999999999999999999999999", "1:2:3", "root\n", "ro ot", "1root", "a/b", "../x",
            "ro:+1",
            "1:0x0", "1:-1", "1:4294967295", "１", "a$b", "$", String(repeating: "a", count: 257),
        ])
    func refuses(text: String) {
        let failure = #expect(throws: Failure.self) { _ = try UserSpec(parsing: text) }
        #expect(failure?.code == "user.invalid")
    }

    static let passwd = """
        # comment
        root:x:0:0:root:/root:/bin/sh
        app:x:1000:1001:App:/home/app:/bin/sh
        odd:x:zero:0::/:
        high:x:4294967296:0::/:
        bad:x:7:-1::/:
        app:x:0:0:second:/:
        short:x:5
        1000:x:0:0:a number as name:/:
        nohome:x:9:9::relative:
        """
    static let group = """
        root:x:0:
        staff:x:50:app,root
        wheel:x:10:root
        audio:x:29:app
        same:x:1001:app
        broken:x:many:other
        """

    private func resolve(_ text: String) throws -> ResolvedUser {
        try AccountFiles(passwd: Array(Self.passwd.utf8), group: Array(Self.group.utf8)).resolve(
            UserSpec(parsing: text))
    }

    @Test(
        "a user is found in the image's own accounts",
        arguments: [
            ("app", ResolvedUser(uid: 1000, gid: 1001, supplementaryGroups: [29, 50], home: "/home/app", name: "app")),
            (
                "1000",
                ResolvedUser(uid: 1000, gid: 1001, supplementaryGroups: [29, 50], home: "/home/app", name: "app")
            ),
            ("app:staff", ResolvedUser(uid: 1000, gid: 50, supplementaryGroups: [], home: "/home/app", name: "app")),
            ("app:7", ResolvedUser(uid: 1000, gid: 7, supplementaryGroups: [], home: "/home/app", name: "app")),
            ("4242", ResolvedUser(uid: 4242, gid: 0, supplementaryGroups: [], home: nil, name: nil)),
            ("4242:4343", ResolvedUser(uid: 4242, gid: 4343, supplementaryGroups: [], home: nil, name: nil)),
            ("0", ResolvedUser(uid: 0, gid: 0, supplementaryGroups: [10, 50], home: "/root", name: "root")),
            ("nohome", ResolvedUser(uid: 9, gid: 9, supplementaryGroups: [], home: nil, name: "nohome")),
        ])
    func resolves(text: String, expected: ResolvedUser) throws { #expect(try resolve(text) == expected) }

    @Test(
        "an account that is missing or unreadable is refused",
        arguments: [
            ("ghost", "user.unknown"), ("odd", "user.file-invalid"), ("high", "user.file-invalid"),
            ("bad", "user.file-invalid"),
            ("short", "user.unknown"), ("app:ghosts", "group.unknown"), ("app:broken", "group.unknown"),
        ])
    func refusesAccount(text: String, code: String) {
        let failure = #expect(throws: Failure.self) { _ = try resolve(text) }
        #expect(failure?.code.rawValue == (text == "app:broken" ? "user.file-invalid" : code))
    }

    @Test("an image without accounts still runs numbers")
    func resolvesWithoutFiles() throws {
        let files = try AccountFiles(passwd: nil, group: nil)
        #expect(try files.resolve(.root) == ResolvedUser(uid: 0, gid: 0, supplementaryGroups: []))
        #expect(throws: Failure.self) { try files.resolve(UserSpec(parsing: "root")) }
    }

    @Test("account files are bounded, in bytes and by line")
    func bounds() {
        let large = Array(repeating: UInt8(ascii: "x"), count: (1 << 20) + 1)
        #expect(throws: Failure.self) { _ = try AccountFiles(passwd: large, group: nil) }
        let long = Array(repeating: UInt8(ascii: "x"), count: 65_537)
        let failure = #expect(throws: Failure.self) {
            _ = try AccountFiles(passwd: long, group: nil).resolve(UserSpec(parsing: "app"))
        }
        #expect(failure?.limit == "line bytes 65536")
    }
}
