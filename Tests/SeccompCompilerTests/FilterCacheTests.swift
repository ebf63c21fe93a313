import Diagnostics
import Foundation
import SeccompCompiler
import SeccompFormat
import Testing

@Suite("Kept filters")
struct FilterCacheTests {
    static let kernel = KernelRelease(major: 6, minor: 1)
    static let standard = FilterRequest(.standard, capabilities: .rootDefault, kernel: kernel)

    /// A directory of the test's own; the cache's is below it and does not exist yet.
    private func withDirectory(_ body: (URL) throws -> Void) throws {
        let parent = FileManager.default.temporaryDirectory.appending(path: "filters-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: false)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: parent) } }
        try body(parent.appending(path: "cache"))
    }

    private func entries(_ directory: URL) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .sorted { $0.path < $1.path }
    }

    @Test("a filter read back is the filter that was compiled, notes and flags included")
    func roundTrip() throws {
        let json = #"""
            {"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
             "syscalls": [{"names": ["read", "no_such_call"], "action": "SCMP_ACT_ALLOW"}]}
            """#
        let profile = FilterRequest(.profile(name: "mine.json", json: Array(json.utf8)), kernel: Self.kernel)
        try withDirectory { directory in
            let cache = FilterCache(directory: directory.path)
            for request in [Self.standard, profile, FilterRequest(.initProcess, kernel: Self.kernel)] {
                let compiled = try request.compiled()
                #expect(try cache.filter(request) == compiled)
                #expect(try cache.filter(request) == compiled)
            }
            #expect(try entries(directory).count == 3)
            #expect(try profile.compiled().notes.count == 2)
        }
    }

    @Test("a second request does not compile: what is in the file is what is answered")
    func isRead() throws {
        try withDirectory { directory in
            let cache = FilterCache(directory: directory.path)
            _ = try cache.filter(Self.standard)
            let before = try modified(directory)
            _ = try cache.filter(Self.standard)
            #expect(try modified(directory) == before)
        }
    }

    @Test(
        "another capability, kernel or profile is another entry",
        arguments: [
            FilterRequest(.standard, capabilities: .all, kernel: kernel),
            FilterRequest(.standard, capabilities: .rootDefault, kernel: KernelRelease(major: 6, minor: 2)),
            FilterRequest(.strict, capabilities: .rootDefault, kernel: kernel),
        ])
    func distinct(request: FilterRequest) throws {
        try withDirectory { directory in
            let cache = FilterCache(directory: directory.path)
            _ = try cache.filter(Self.standard)
            #expect(try cache.filter(request) == request.compiled())
            #expect(try entries(directory).count == 2)
        }
    }

    @Test("a damaged file, whichever byte it is, is compiled again and replaced")
    func damage() throws {
        try withDirectory { directory in
            let cache = FilterCache(directory: directory.path)
            let expected = try cache.filter(Self.standard)
            let file = try #require(try entries(directory).first)
            let whole = try Data(contentsOf: file)
            for position in stride(from: 0, to: whole.count, by: 37) {
                var damaged = whole
                damaged[position] ^= 0x40
                try damaged.write(to: file)
                #expect(try cache.filter(Self.standard) == expected)
                #expect(try Data(contentsOf: file) == whole)
            }
            for count in [0, 7, 8, 16, whole.count - 1] {
                try whole.prefix(count).write(to: file)
                #expect(try cache.filter(Self.standard) == expected)
                #expect(try Data(contentsOf: file) == whole)
            }
        }
    }

    @Test("a directory that others can write is not used, and the filter says so")
    func foreignDirectory() throws {
        try withDirectory { directory in
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: directory.path)
            let filter = try FilterCache(directory: directory.path).filter(Self.standard)
            #expect(try filter.bytes == Self.standard.compiled().bytes)
            #expect(filter.notes.count == 1)
            #expect(try entries(directory).isEmpty)
        }
    }

    @Test("a directory that cannot be made costs the cache, never the launch")
    func impossibleDirectory() throws {
        let filter = try FilterCache(directory: "/proc/self/nothing/here").filter(Self.standard)
        #expect(try filter.bytes == Self.standard.compiled().bytes)
        #expect(filter.notes.count == 1)
    }

    @Test("a wrong profile is refused and leaves nothing")
    func wrongProfile() throws {
        try withDirectory { directory in
            let cache = FilterCache(directory: directory.path)
            let request = FilterRequest(.profile(name: "wrong", json: Array("{}".utf8)), kernel: Self.kernel)
            let failure = #expect(throws: Failure.self) { try cache.filter(request) }
            #expect(failure?.code == "seccomp.profile-invalid")
            let kept = try entries(directory)
            #expect(kept.isEmpty)
        }
    }

    @Test("the directory does not grow without bound")
    func bounded() throws {
        try withDirectory { directory in
            let cache = FilterCache(directory: directory.path)
            for minor in UInt32(0)..<UInt32(FilterCache.entriesMax + 5) {
                _ = try cache.filter(FilterRequest(.initProcess, kernel: KernelRelease(major: 6, minor: minor)))
            }
            #expect(try entries(directory).count == 5)
        }
    }

    private func modified(_ directory: URL) throws -> Date {
        let file = try #require(try entries(directory).first)
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        return try #require(attributes[.modificationDate] as? Date)
    }
}
