import ClusterModel
import Determinism
import Diagnostics

extension WireObject {
    /// Nil when `type` is not one of the calls that master and agent share.
    func processCall(_ type: String) throws(Failure) -> ProcessCall? {
        switch type {
        case "GET_HEALTH": return .health
        case "GET_FLAGS": return .flags
        case "GET_VERSION": return .version
        case "GET_METRICS": return .metrics(timeout: try object("get_metrics")?.duration("timeout"))
        case "GET_LOGGING_LEVEL": return .loggingLevel
        case "SET_LOGGING_LEVEL":
            let set = try part("set_logging_level")
            return .setLoggingLevel(
                try set.required("level", set.integer("level")),
                duration: try set.required("duration", set.duration("duration")))
        case "LIST_FILES":
            let list = try part("list_files")
            return .listFiles(path: try list.required("path", list.string("path")))
        case "READ_FILE":
            let read = try part("read_file")
            return .readFile(
                path: try read.required("path", read.string("path")),
                offset: try read.required("offset", read.integer("offset")), length: try read.integer("length"))
        default: return nil
        }
    }

    func processResponse(_ type: String) throws(Failure) -> ProcessResponse? {
        switch type {
        case "GET_HEALTH":
            let health = try part("get_health")
            return .health(try health.required("healthy", health.bool("healthy")))
        case "GET_FLAGS":
            var flags: [Flag] = []
            for flag in try part("get_flags").objects("flags") {
                flags.append(Flag(try flag.required("name", flag.string("name")), try flag.string("value")))
            }
            return .flags(flags)
        case "GET_VERSION": return .version(try part("get_version").part("version_info").versionInfo())
        case "GET_METRICS":
            var metrics: [Metric] = []
            for metric in try part("get_metrics").objects("metrics") {
                metrics.append(
                    Metric(try metric.required("name", metric.string("name")), try metric.double("value")))
            }
            return .metrics(metrics)
        case "GET_LOGGING_LEVEL":
            let level = try part("get_logging_level")
            return .loggingLevel(try level.required("level", level.integer("level")))
        case "LIST_FILES":
            var files: [FileView] = []
            for file in try part("list_files").objects("file_infos") { files.append(try file.fileView()) }
            return .files(files)
        case "READ_FILE":
            let read = try part("read_file")
            return .fileContent(
                try read.required("data", read.bytes("data")), size: try read.required("size", read.integer("size")))
        default: return nil
        }
    }

    func versionInfo() throws(Failure) -> VersionInfo {
        VersionInfo(
            version: try required("version", string("version")), buildDate: try string("build_date"),
            buildTime: try double("build_time"), buildUser: try string("build_user"), gitCommit: try string("git_sha"),
            gitBranch: try string("git_branch"), gitTag: try string("git_tag"))
    }

    func fileView() throws(Failure) -> FileView {
        FileView(
            path: try required("path", string("path")), links: try integer("nlink") ?? 1,
            size: try integer("size") ?? 0, modifiedAt: try instant("mtime") ?? .epoch, mode: try integer("mode") ?? 0,
            user: try string("uid") ?? "", group: try string("gid") ?? "")
    }
}
