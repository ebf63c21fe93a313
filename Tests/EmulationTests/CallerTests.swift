import LinuxKernel
import SeccompFormat
import Testing

@testable import Emulation

@Suite("what is read of who made a call")
struct CallerTests {
    static let status = """
        Name:\tmknod
        Umask:\t0027
        Uid:\t101000\t101000\t101000\t101001
        Gid:\t102000\t102000\t102000\t102002
        Groups:\t102000 102007\u{20}
        CapEff:\t00000000a80425fb

        """

    @Test("ids are those of the file system, groups, capabilities and umask as the kernel writes them")
    func read() throws {
        let facts = try #require(CallerFacts(status: Self.status))
        #expect((facts.uid, facts.gid) == (101_001, 102_002))
        #expect(facts.groups == [102_000, 102_007])
        #expect(facts.capabilities == 0xa804_25fb)
        #expect(facts.umask == 0o27)
    }

    @Test(
        "what lacks a line or has words where numbers belong says nothing",
        arguments: ["Umask", "Uid", "Gid", "CapEff"])
    func missing(_ name: String) {
        let lines = Self.status.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(CallerFacts(status: lines.filter { !$0.hasPrefix(name) }.joined(separator: "\n")) == nil)
        let damaged = lines.map { $0.hasPrefix(name) ? "\(name):\tnone" : String($0) }.joined(separator: "\n")
        #expect(CallerFacts(status: damaged) == nil)
    }

    static let maps = """
        1000-3000 r--p 00000000 08:01 7 /bin/x
        3000-5000 rw-p 00000000 00:00 0
        5000-6000 rw-s 00000000 00:00 0
        8000-9000 rw-p 00000000 00:00 0 [heap]
        9000-a000 r-xp 00000000 00:00 0
        """

    @Test(
        "only what the caller could write itself is written",
        arguments: [
            (0x3000, 0x2000, true), (0x3000, 0x3000, true), (0x4fff, 2, true), (0x5fff, 1, true), (0x2fff, 2, false),
            (0x1000, 1, false), (0x5fff, 2, false), (0x6000, 1, false), (0x7fff, 2, false), (0x8fff, 2, false),
            (0x9000, 1, false), (0x1_0000, 1, false), (0, 1, false),
        ] as [(UInt64, UInt64, Bool)])
    func writable(_ start: UInt64, _ count: UInt64, _ expected: Bool) {
        #expect(MemoryMap.isWritable(start, count: count, in: Self.maps) == expected)
    }

    @Test("an address at the end of everything does not begin again at its start")
    func overflow() {
        #expect(!MemoryMap.isWritable(.max, count: 2, in: Self.maps))
    }

    private static func call(_ number: UInt32, _ arguments: [UInt64], architecture: UInt32? = nil) -> ReadCall? {
        ReadCall(
            HandedCall(
                id: 1, thread: 2, number: number,
                architecture: architecture ?? FilterArchitecture.native.auditArchitecture,
                arguments: arguments + Array(repeating: 0, count: 6 - arguments.count)))
    }

    #if arch(x86_64)
    @Test("arguments are read as the kernel reads them: of an int its low half")
    func arguments() {
        let high: UInt64 = 0xffff_ffff_0000_0000
        #expect(
            Self.call(133, [7, high | 0o20644, high | 0x103])
                == .makeNode(directory: nil, path: 7, mode: 0o20644, number: 0x103))
        #expect(
            Self.call(259, [0xffff_ff9c, 7, 0o20644, 0x103])
                == .makeNode(directory: nil, path: 7, mode: 0o20644, number: 0x103))
        #expect(
            Self.call(259, [high | 5, 7, 0o20644, 0x103])
                == .makeNode(directory: 5, path: 7, mode: 0o20644, number: 0x103))
        #expect(Self.call(99, [9]) == .systemInformation(address: 9))
    }

    @Test("calls of other ABIs and other numbers are nobody's")
    func foreign() {
        #expect(Self.call(133, [], architecture: FilterArchitecture.x86.auditArchitecture) == nil)
        #expect(Self.call(133 | FilterArchitecture.x32Bit, []) == nil)
        #expect(Self.call(2, []) == nil)
    }
    #endif

    @Test("an order arrives as it was given, and ids of others are outside")
    func order() throws {
        let order = EmulatorOrder(
            identityBase: 100_000, identityCount: 65_536, group: "", workshop: "/w", launcher: "/l")
        #expect(EmulatorOrder(arguments: order.arguments) == order)
        #expect(EmulatorOrder(arguments: ["1", "2", "3", "4"]) == nil)
        #expect(order.inside(100_000) == 0 && order.inside(165_535) == 65_535)
        #expect(order.inside(99_999) == nil && order.inside(165_536) == nil && order.inside(0) == nil)
    }
}
