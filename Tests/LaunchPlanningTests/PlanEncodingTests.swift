import CLauncher
import Diagnostics
import Glibc
import Testing

@testable import LaunchPlanning

@Suite("what is encoded is what the launcher reads")
struct PlanEncodingTests {
    /// The fields of `Sample.everyStep`, written by hand in the order of plan.h.
    static let expected: [[String]] = [
        ["5", "1140850688"], ["536871040"], [], ["9"], ["23"], ["524288"], ["5", "/anchor"],
        ["tmpfs", "/tmp", "2097168", "4", #"["size=1", "ro", ""]"#], ["6", "/x", "1", "1"], ["/sealed", "1", "2"],
        ["/masked", "6"], ["/made", "1023", "3", "4"], ["1", "2", "1"], [], ["host"], ["dömain"], ["net/x", "1 2"],
        ["3", "5", "18446744073709551615"], [], [],
        [
            "7", "4294967295", "7", "8", "1099511627776", "5", "4294967295", "1099511627777", "78",
            "bytes [6, 0, 0, 0, 0, 0, 255, 127]",
        ],
        ["24", "80", "11", "12"], ["4294967295", "6", "5"],
        ["1", "2", "[30, 40]", "1099511627776", "6", "7", "8", "9"], [], ["/work dir"], ["2", "[4]"],
        ["2", "bytes [6, 0, 0, 0, 0, 0, 255, 127]"], ["/p", "1048576", "1"], ["/q", "32", "8", "1"],
        ["/dev/x", "25504", "21", "22", "23", "24"], ["/dev/y", "../z"],
        ["/hook", #"["hook", "a"]"#, #"["C=2"]"#, "6", "25"], ["5"], [],
        ["6", "8589934592", "4294967293", "4", "31", "32", "33"], ["8194"], ["8"],
        ["32770", "bytes [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]"], ["/host proc"], ["/own"],
        [#"["find"]"#, #"["D=3"]"#], [], ["6"],
        ["34", "35"], ["36", "bytes [6, 0, 0, 0, 0, 0, 255, 127]"], ["attr/exec", "label"],
        [#"["/data", "/tmp"]"#], [#"["prog", "", "three"]"#, #"["A=1", "B=ü"]"#],
    ]

    @Test("every field of every operation arrives as it was meant")
    func everyFieldArrives() throws {
        let decoded = DecodedPlan(try PlanEncoder.encode(Sample.everyPlan))
        try #require(decoded.error == 0, "refused at step \(decoded.faultyStep)")
        #expect(decoded.stepCount == UInt32(Sample.everyStep.count))
        for (index, fields) in Self.expected.enumerated() {
            let step = decoded.step(UInt32(index))
            #expect(step?.fields ?? [] == fields, "\(Sample.everyStep[index])")
            if let step { #expect(step.operation == Sample.everyStep[index].operation) }
        }
        #expect(decoded.step(UInt32(Self.expected.count)) == nil)
    }

    @Test("an errand ends with its device, which is the last step wherever it stands")
    func errandIsRead() throws {
        let placement = DevicePlacement(
            root: "root", directory: "null", path: [0x2f, 0xff], tree: "log:0", uid: 71, gid: 72, groups: [73, 74],
            capabilities: 1 << 33)
        var plan = Sample.everyPlan
        plan.steps = [
            PlannedStep(stage: .execute, isolator: "errand", step: .becomeRoot),
            PlannedStep(stage: .execute, isolator: "errand", step: .placeDevice(placement)),
        ]
        let decoded = DecodedPlan(try PlanEncoder.encode(plan))
        try #require(decoded.error == 0, "refused at step \(decoded.faultyStep)")
        let step = try #require(decoded.step(1))
        #expect(step.operation == BH_PLACE_DEVICE.rawValue)
        #expect(step.fields == ["5", "6", "/\u{fffd}", "7", "71", "72", "[73, 74]", "8589934592"])
        plan.steps.reverse()
        #expect(DecodedPlan(try PlanEncoder.encode(plan)).error == EINVAL)
    }

    @Test("the sample covers every operation of plan.h once, but the end of an errand")
    func sampleIsComplete() {
        let operations = Sample.everyStep.map(\.operation)
        let others: Set<UInt32> = [BH_PLACE_DEVICE.rawValue, 19]  // 19 was an operation once
        #expect(operations.sorted() == (1...BH_TAKE_ROOT.rawValue).filter { !others.contains($0) })
        #expect(operations.last == BH_EXECUTE.rawValue)
    }

    @Test("a plan that was built can be run")
    func builtPlanIsAccepted() throws {
        let plan = try PlanBuilder.build(Sample.contributions)
        #expect(DecodedPlan(try PlanEncoder.encode(plan)).error == 0)
    }

    @Test("a descriptor nobody opens is refused")
    func unknownDescriptorIsRefused() {
        var plan = Sample.everyPlan
        plan.descriptors["log:1"] = nil
        #expect { try PlanEncoder.encode(plan) } throws: {
            ($0 as? Failure)?.code == "plan.descriptor-unknown" && ($0 as? Failure)?.subject == "log:1"
        }
    }

    @Test("a text with a NUL is refused, not cut short")
    func nulIsRefused() {
        var plan = Sample.everyPlan
        plan.steps[14].step = .setHostname("host\0evil")
        #expect { try PlanEncoder.encode(plan) } throws: { ($0 as? Failure)?.code == "plan.text-has-nul" }
    }

    @Test("a plan larger than the launcher takes is refused")
    func tooLargeIsRefused() {
        var plan = Sample.everyPlan
        let argument = String(repeating: "x", count: 1 << 20)
        plan.steps[Sample.executeIndex].step = .execute(
            arguments: Array(repeating: argument, count: 5), environment: [])
        #expect { try PlanEncoder.encode(plan) } throws: { ($0 as? Failure)?.code == "plan.too-large" }
    }

    @Test("a list longer than the launcher takes is refused")
    func longListIsRefused() {
        var plan = Sample.everyPlan
        plan.steps[Sample.executeIndex].step = .execute(arguments: Array(repeating: "", count: 65_537), environment: [])
        #expect { try PlanEncoder.encode(plan) } throws: {
            let failure = $0 as? Failure
            return failure?.code == "plan.list-too-long" && failure?.field == "command" && failure?.remedy != nil
        }
        plan.steps[Sample.executeIndex].step = .execute(
            arguments: [""], environment: Array(repeating: "", count: 65_537))
        #expect { try PlanEncoder.encode(plan) } throws: { ($0 as? Failure)?.field == "env" }
    }
}

@Suite("the numbers of plan.h and those of Swift are the same")
struct PlanContractTests {
    @Test(
        "a constant has one value",
        arguments: [
            ("BH_PLAN_MAGIC", BH_PLAN_MAGIC, PlanFormat.magic),
            ("BH_PLAN_VERSION", BH_PLAN_VERSION, PlanFormat.version),
            ("BH_NO_DESCRIPTOR", BH_NO_DESCRIPTOR, PlanFormat.noDescriptor),
            ("BH_PLAN_BYTES_MAX", BH_PLAN_BYTES_MAX, UInt32(PlanFormat.bytesMax)),
            ("BH_PLAN_STEPS_MAX", BH_PLAN_STEPS_MAX, UInt32(PlanFormat.stepsMax)),
            ("BH_LIST_COUNT_MAX", BH_LIST_COUNT_MAX, UInt32(PlanFormat.listCountMax)),
            ("BH_GROUPS_MAX", BH_GROUPS_MAX, UInt32(PlanFormat.groupsMax)),
            ("BH_FILTER_BYTES_MAX", BH_FILTER_BYTES_MAX, UInt32(PlanFormat.filterInstructionsMax * 8)),
            ("BH_LOG_BYTES_MIN", BH_LOG_BYTES_MIN, UInt32(PlanFormat.logBytesMin)),
            ("BH_PLAN_DESCRIPTORS_MAX", BH_PLAN_DESCRIPTORS_MAX, UInt32(PlanFormat.descriptorsMax)),
            ("BH_FIRST_PLAN_DESCRIPTOR", UInt32(BH_FIRST_PLAN_DESCRIPTOR), PlanFormat.firstPlanDescriptor),
            ("BH_TARGET_CREATE", BH_TARGET_CREATE, TargetRules.create.rawValue),
            ("BH_TARGET_NO_LINKS", BH_TARGET_NO_LINKS, TargetRules.noLinks.rawValue),
            ("BH_TARGET_OPTIONAL", BH_TARGET_OPTIONAL, TargetRules.optional.rawValue),
            ("BH_KIND_DIRECTORY", BH_KIND_DIRECTORY, TargetKind.directory.rawValue),
            ("BH_KIND_FILE", BH_KIND_FILE, TargetKind.file.rawValue),
            ("BH_STEP_DECODE", BH_STEP_DECODE, LauncherReport.decodeStep),
            ("BH_STEP_RELEASE", BH_STEP_RELEASE, LauncherReport.releaseStep),
            ("BH_REPORT_FAILED", BH_REPORT_FAILED.rawValue, LauncherReport.Kind.failed.rawValue),
            ("BH_REPORT_PROCESS", BH_REPORT_PROCESS.rawValue, LauncherReport.Kind.process.rawValue),
            ("BH_REPORT_LISTENER", BH_REPORT_LISTENER.rawValue, LauncherReport.Kind.listener.rawValue),
            ("BH_REPORT_TERMINAL", BH_REPORT_TERMINAL.rawValue, LauncherReport.Kind.terminal.rawValue),
        ] as [(String, UInt32, UInt32)])
    func constant(name: String, header: UInt32, swift: UInt32) {
        #expect(header == swift, "\(name)")
    }

    @Test("the flags of a fork have one value")
    func divideFlags() {
        func flags(_ isInit: Bool, _ pumps: Bool, _ hasTerminal: Bool) -> UInt32 {
            Division(
                isInit: isInit, pumps: pumps, hasTerminal: hasTerminal, exitRecord: nil, logs: [], logBytesMax: 0,
                outputSink: nil, errorSink: nil, initFilter: .none
            ).flags
        }
        var holding = Division(
            isInit: true, pumps: false, hasTerminal: false, exitRecord: nil, logs: [], logBytesMax: 0, outputSink: nil,
            errorSink: nil, initFilter: .none)
        holding.holds = true
        #expect(holding.flags == BH_DIVIDE_INIT | BH_DIVIDE_HOLD)
        #expect(flags(true, false, false) == BH_DIVIDE_INIT)
        #expect(flags(false, true, false) == BH_DIVIDE_PUMP)
        #expect(flags(false, false, true) == BH_DIVIDE_TERMINAL)
    }

    @Test("the parts of a step have one value")
    func parts() {
        let header = [
            BH_PART_WHOLE, BH_PART_RESOLVE, BH_PART_CREATE, BH_PART_OPEN, BH_PART_CONFIGURE, BH_PART_ATTRIBUTES,
            BH_PART_ATTACH, BH_PART_VERIFY, BH_PART_DETACH, BH_PART_WRITE, BH_PART_STATUS,
            BH_PART_COPY,
        ]
        #expect(header.map(\.rawValue) == LauncherReport.Part.allCases.map(\.rawValue))
    }

    @Test("the messages have the size both sides count on")
    func sizes() {
        #expect(MemoryLayout<bh_report>.size == LauncherReport.byteCount)
        #expect(MemoryLayout<bh_exit_record>.size == 32)
        #expect(MemoryLayout<bh_log_header>.size == 16)
        #expect(MemoryLayout<bh_log_record>.size == 16)
    }
}
