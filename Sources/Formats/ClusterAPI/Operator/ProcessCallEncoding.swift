import ClusterModel
import Determinism

extension ProcessCall {
    var typeName: String {
        switch self {
        case .health: "GET_HEALTH"
        case .flags: "GET_FLAGS"
        case .version: "GET_VERSION"
        case .metrics: "GET_METRICS"
        case .loggingLevel: "GET_LOGGING_LEVEL"
        case .setLoggingLevel: "SET_LOGGING_LEVEL"
        case .listFiles: "LIST_FILES"
        case .readFile: "READ_FILE"
        }
    }
}

extension ProcessResponse {
    var typeName: String {
        switch self {
        case .health: "GET_HEALTH"
        case .flags: "GET_FLAGS"
        case .version: "GET_VERSION"
        case .metrics: "GET_METRICS"
        case .loggingLevel: "GET_LOGGING_LEVEL"
        case .files: "LIST_FILES"
        case .fileContent: "READ_FILE"
        }
    }
}

extension WireSink {
    /// All members of the call but its type.
    mutating func processCall(_ call: ProcessCall) {
        switch call {
        case .health, .flags, .version, .loggingLevel: break
        case .metrics(let timeout): object("get_metrics") { $0.duration("timeout", timeout) }
        case .setLoggingLevel(let level, let duration):
            object("set_logging_level") { sink in
                sink.duration("duration", duration)
                sink.member("level", level)
            }
        case .listFiles(let path): object("list_files") { $0.member("path", path) }
        case .readFile(let path, let offset, let length):
            object("read_file") { sink in
                sink.member("length", length)
                sink.member("offset", offset)
                sink.member("path", path)
            }
        }
    }

    mutating func processResponse(_ response: ProcessResponse) {
        switch response {
        case .health(let isHealthy): object("get_health") { $0.member("healthy", isHealthy) }
        case .flags(let flags): object("get_flags") { $0.flags(flags) }
        case .version(let version):
            object("get_version") { sink in sink.object("version_info") { $0.version(version) } }
        case .metrics(let metrics):
            object("get_metrics") { sink in
                sink.objects("metrics", metrics) { sink, metric in
                    sink.member("name", metric.name)
                    sink.member("value", metric.value)
                }
            }
        case .loggingLevel(let level): object("get_logging_level") { $0.member("level", level) }
        case .files(let files): object("list_files") { sink in sink.objects("file_infos", files) { $0.file($1) } }
        case .fileContent(let bytes, let size):
            object("read_file") { sink in
                sink.member("data", bytes)
                sink.member("size", size)
            }
        }
    }

    private mutating func flags(_ flags: [Flag]) {
        objects("flags", flags) { sink, flag in
            sink.member("name", flag.name)
            sink.member("value", flag.value)
        }
    }

    mutating func version(_ info: VersionInfo) {
        member("build_date", info.buildDate)
        member("build_time", info.buildTime)
        member("build_user", info.buildUser)
        member("git_branch", info.gitBranch)
        member("git_sha", info.gitCommit)
        member("git_tag", info.gitTag)
        member("version", info.version)
    }

    private mutating func file(_ file: FileView) {
        member("gid", file.group)
        member("mode", file.mode)
        instant("mtime", file.modifiedAt)
        member("nlink", file.links)
        member("path", file.path)
        member("size", file.size)
        member("uid", file.user)
    }
}
