import Diagnostics

/// The JSON of a profile, field by field, before anything is judged. Docker's format and the `linux.seccomp` object of
/// the OCI runtime specification are both subsets of it. A key that is not listed is refused: a misspelt `args` would
/// otherwise turn a rule about some arguments into a rule about all of them.
struct ProfileDocument {
    var defaultAction: String
    var defaultErrnoRet: UInt64?
    var defaultErrno: String?
    var architectures: [String]?
    var archMap: [ArchitectureEntry]?
    var flags: [String]?
    var listenerPath: String?
    var listenerMetadata: String?
    var syscalls: [CallEntry]?

    struct ArchitectureEntry {
        var architecture: String
        var subArchitectures: [String]?

        init(_ object: ProfileObject) throws(Failure) {
            try object.check(["architecture", "subArchitectures"])
            architecture = try object.required("architecture").text()
            subArchitectures = try object.member("subArchitectures")?.texts()
        }
    }

    struct CallEntry {
        var name: String?
        var names: [String]?
        var action: String
        var errnoRet: UInt64?
        var errno: String?
        var args: [ArgumentEntry]?
        var includes: FilterEntry?
        var excludes: FilterEntry?

        init(_ object: ProfileObject) throws(Failure) {
            try object.check([
                "name", "names", "action", "errnoRet", "errno", "args", "includes", "excludes", "comment",
            ])
            name = try object.member("name")?.text()
            names = try object.member("names")?.texts()
            action = try object.required("action").text()
            errnoRet = try object.member("errnoRet")?.number()
            errno = try object.member("errno")?.text()
            if let entries = try object.member("args")?.objects() {
                args = []
                for entry in entries { args?.append(try ArgumentEntry(entry)) }
            }
            if let entry = try object.member("includes")?.object() { includes = try FilterEntry(entry) }
            if let entry = try object.member("excludes")?.object() { excludes = try FilterEntry(entry) }
        }
    }

    struct ArgumentEntry {
        var index: UInt64
        var value: UInt64
        var valueTwo: UInt64?
        var op: String

        init(_ object: ProfileObject) throws(Failure) {
            try object.check(["index", "value", "valueTwo", "op"])
            index = try object.required("index").number()
            value = try object.required("value").number()
            valueTwo = try object.member("valueTwo")?.number()
            op = try object.required("op").text()
        }
    }

    struct FilterEntry {
        var caps: [String]?
        var arches: [String]?
        var minKernel: String?

        init(_ object: ProfileObject) throws(Failure) {
            try object.check(["caps", "arches", "minKernel"])
            caps = try object.member("caps")?.texts()
            arches = try object.member("arches")?.texts()
            minKernel = try object.member("minKernel")?.text()
        }
    }

    init(_ object: ProfileObject) throws(Failure) {
        try object.check([
            "defaultAction", "defaultErrnoRet", "defaultErrno", "architectures", "archMap", "flags", "listenerPath",
            "listenerMetadata", "syscalls",
        ])
        defaultAction = try object.required("defaultAction").text()
        defaultErrnoRet = try object.member("defaultErrnoRet")?.number()
        defaultErrno = try object.member("defaultErrno")?.text()
        architectures = try object.member("architectures")?.texts()
        if let entries = try object.member("archMap")?.objects() {
            archMap = []
            for entry in entries { archMap?.append(try ArchitectureEntry(entry)) }
        }
        flags = try object.member("flags")?.texts()
        listenerPath = try object.member("listenerPath")?.text()
        listenerMetadata = try object.member("listenerMetadata")?.text()
        if let entries = try object.member("syscalls")?.objects() {
            syscalls = []
            for entry in entries { syscalls?.append(try CallEntry(entry)) }
        }
    }
}
