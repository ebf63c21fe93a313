public import Diagnostics

/// Writes a plan as the launcher reads it: `Sources/Launcher/include/plan.h` says what every byte means.
public enum PlanEncoder {
    /// The bytes of `plan`, at most `PlanFormat.bytesMax`. Names of descriptors become numbers in the order of
    /// `plan.descriptors`. The plan must be valid (`LaunchPlan.validated()`); what cannot be written at all (a text
    /// with a NUL, a descriptor that is not there, a limit of the format) is refused here too.
    public static func encode(_ plan: LaunchPlan) throws(Failure) -> [UInt8] {
        var numbers: [DescriptorName: UInt32] = [:]
        for (index, name) in plan.descriptors.keys.enumerated() {
            numbers[name] = PlanFormat.firstPlanDescriptor + UInt32(index)
        }
        var body = PlanWriter(numbers: numbers)
        for planned in plan.steps {
            var payload = PlanWriter(numbers: numbers)
            try payload.write(planned.step)
            body.number(planned.step.operation)
            body.number(UInt32(payload.bytes.count))
            body.bytes += payload.bytes
        }
        var header = PlanWriter(numbers: [:])
        header.number(PlanFormat.magic)
        header.number(PlanFormat.version)
        header.number(UInt32(clamping: body.bytes.count + 16))
        header.number(UInt32(plan.steps.count))
        let bytes = header.bytes + body.bytes
        guard bytes.count <= PlanFormat.bytesMax else {
            throw Failure(
                "plan.too-large", doing: "encode the launch plan", cause: "it has \(bytes.count) bytes",
                remedy: "shorten the arguments or the environment", limit: "plan size \(PlanFormat.bytesMax) bytes")
        }
        return bytes
    }
}

/// Appends the items a payload is made of; every item ends at a multiple of 4 bytes.
struct PlanWriter {
    let numbers: [DescriptorName: UInt32]
    var bytes: [UInt8] = []

    init(numbers: [DescriptorName: UInt32]) { self.numbers = numbers }

    mutating func number(_ value: UInt32) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func wide(_ value: UInt64) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func descriptor(_ name: DescriptorName?) throws(Failure) {
        guard let name else { return number(PlanFormat.noDescriptor) }
        guard let value = numbers[name] else {
            throw Failure(
                "plan.descriptor-unknown", doing: "encode the launch plan", on: name.text,
                cause: "no contribution opens this descriptor")
        }
        number(value)
    }

    mutating func block(_ contents: [UInt8]) {
        number(UInt32(contents.count))
        bytes += contents
        pad()
    }

    mutating func text(_ value: String) throws(Failure) { try text(Array(value.utf8)) }

    mutating func text(_ contents: [UInt8]) throws(Failure) {
        guard !contents.contains(0) else {
            throw Failure(
                "plan.text-has-nul", doing: "encode the launch plan", on: String(decoding: contents, as: UTF8.self),
                cause: "a text of the plan contains a NUL byte")
        }
        number(UInt32(contents.count))
        bytes += contents
        bytes.append(0)
        pad()
    }

    /// `field` is what a person gave the list with.
    mutating func list(_ values: [String], field: String? = nil) throws(Failure) {
        guard values.count <= PlanFormat.listCountMax else {
            throw Failure(
                "plan.list-too-long", doing: "encode the launch plan", cause: "a list has \(values.count) entries",
                remedy: "give fewer of them, or put them into a file the task reads", field: field,
                limit: "list entries \(PlanFormat.listCountMax)")
        }
        number(UInt32(values.count))
        for value in values { try text(value) }
    }

    private mutating func pad() {
        while !bytes.count.isMultiple(of: 4) { bytes.append(0) }
    }
}

extension PlanWriter {
    /// The payload of one step, field by field as plan.h lists them.
    mutating func write(_ step: Step) throws(Failure) {
        switch step {
        case .becomeRoot, .enterRoot, .loopbackUp, .newKeyring, .noNewPrivileges, .bindConsole, .changeRoot: break
        case .join(let name, let types):
            try descriptor(name)
            number(UInt32(truncatingIfNeeded: types.rawValue))
        case .unshare(let set): number(UInt32(truncatingIfNeeded: set.rawValue))
        case .beginSession(let value), .setUmask(let value): number(value)
        case .closeDescriptors(let keep, let gaps):
            number(keep)
            number(UInt32(gaps.count))
            for gap in gaps { number(gap) }
        case .propagation(let kind): wide(kind.rawValue)
        case .setHostname(let value), .setDomainname(let value), .workingDirectory(let value): try text(value)
        case .sysctl(let name, let value):
            try text(name)
            try text(value)
        case .limit(let limit):
            number(limit.resource)
            wide(limit.soft)
            wide(limit.hard)
        case .divide(let division): try write(division)
        case .terminal(let rows, let columns, let uid, let gid):
            for value in [rows, columns, uid, gid] { number(value) }
        case .standardStreams(let input, let output, let error):
            for name in [input, output, error] { try descriptor(name) }
        case .credentials(let credentials): write(credentials)
        case .installFilter(let flags, let program):
            number(flags)
            block(program.bytes)
        case .confineWrites(let paths): try list(paths)
        case .placeDevice(let placement): try write(placement)
        case .execute(let arguments, let environment):
            try list(arguments, field: "command")
            try list(environment, field: "env")
        case .attachRoot, .mount, .attach, .sealPath, .mask, .makeDirectory, .rootAttributes:
            try writeFilesystem(step)
        case .setPropagation, .setAttributes, .makeNode, .makeLink, .runHook, .awaitStart, .schedule, .ioPriority,
            .personality, .memoryPolicy, .detach, .takeRoot, .enterDirectory, .findProgram, .ownStreams,
            .listeningFilter, .setLabel:
            try writeBundle(step)
        }
    }

    private mutating func writeFilesystem(_ step: Step) throws(Failure) {
        switch step {
        case .attachRoot(let tree, let anchor):
            try descriptor(tree)
            try text(anchor)
        case .mount(let type, let target, let attributes, let resolve, let options):
            try text(type)
            try text(target)
            wide(attributes.rawValue)
            number(resolve.rawValue)
            try list(options)
        case .attach(let tree, let target, let kind, let resolve):
            try descriptor(tree)
            try text(target)
            number(kind.rawValue)
            number(resolve.rawValue)
        case .sealPath(let path, let attributes, let resolve):
            try text(path)
            wide(attributes.rawValue)
            number(resolve.rawValue)
        case .mask(let path, let device):
            try text(path)
            try descriptor(device)
        case .makeDirectory(let path, let mode, let uid, let gid):
            try text(path)
            for value in [mode, uid, gid] { number(value) }
        case .rootAttributes(let set, let clear, let recursive):
            wide(set.rawValue)
            wide(clear.rawValue)
            number(recursive ? 1 : 0)
        default: preconditionFailure("not a file system step: \(step)")
        }
    }

    private mutating func write(_ division: Division) throws(Failure) {
        number(division.flags)
        try descriptor(division.exitRecord)
        try descriptor(division.logs.first)
        try descriptor(division.logs.dropFirst().first)
        wide(division.logBytesMax)
        try descriptor(division.outputSink)
        try descriptor(division.errorSink)
        wide(division.outputBytesMax)
        wide(division.errorBytesMax)
        block(division.initFilter.bytes)
    }

    private mutating func write(_ credentials: Credentials) {
        number(credentials.uid)
        number(credentials.gid)
        number(UInt32(credentials.groups.count))
        for group in credentials.groups { number(group) }
        wide(credentials.bounding)
        wide(credentials.effective)
        wide(credentials.permitted)
        wide(credentials.inheritable)
        wide(credentials.ambient)
    }
}

extension Division {
    /// `BH_DIVIDE_*`
    var flags: UInt32 { (isInit ? 1 : 0) | (pumps ? 2 : 0) | (hasTerminal ? 4 : 0) | (holds ? 8 : 0) }
}
