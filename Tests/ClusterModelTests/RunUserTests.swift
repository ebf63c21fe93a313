import ClusterModel
import Testing

@Suite("Users that something is to run as")
struct RunUserTests {
    static func container(_ parameters: [(String, String)]) -> ContainerSpec {
        ContainerSpec(
            kind: .docker,
            docker: DockerOptions(parameters: parameters.map { DockerOptions.Parameter($0.0, $0.1) }))
    }

    @Test(
        "a group does not belong to the name, and user 0 is root",
        arguments: [
            (nil, [nil]), ("web", ["web"]), ("web:web", ["web:web", "web"]), ("0", ["0", "root"]),
            ("00:5", ["00:5", "00", "root"]), ("1000", ["1000"]),
            (":5", [":5", "", nil]),
            ("0:\u{301}", ["0:\u{301}", "0", "root"]), ("root:\u{301}", ["root:\u{301}", "root"]),
        ] as [(String?, Set<String?>)])
    func names(_ user: String?, _ asked: Set<String?>) {
        #expect(Set(NamedUsers.asked(user, in: nil)) == asked)
    }

    @Test("an engine's option is one of them, by both its names, beside the command's")
    func options() {
        let container = Self.container([("user", "root"), ("env", "A=b"), ("u", "daemon")])
        #expect(Set(NamedUsers.asked("nobody", in: container)) == ["nobody", "root", "daemon"])
    }

    @Test("who names nobody but by an option runs as that one, and not as root")
    func optionAlone() {
        #expect(Set(NamedUsers.asked(nil, in: Self.container([("user", "daemon")]))) == ["daemon"])
        #expect(NamedUsers.asked(nil, in: Self.container([("env", "A=b")])) == [nil])
    }
}
