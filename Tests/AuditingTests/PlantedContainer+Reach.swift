import AuditFormat
import Auditing

extension PlantedContainer {
    private static func port(_ address: String?, _ number: UInt16) -> PublishedPortFacts {
        PublishedPortFacts(
            transport: "tcp", hostAddress: address, hostPort: number, port: 80, source: "nft list table inet bulkhead")
    }

    static let reach: [PlantedContainer] = [
        PlantedContainer("BH-CON-029", "keyctl", along: ["BH-CON-007", "BH-CON-042"]) { facts in
            facts.shareWithHost("user")
            facts.filters.edit { $0[0].dangerous = ["keyctl", "mount"] }
        },
        PlantedContainer("BH-CON-121", "192.0.2.1 port 443/tcp", in: .cisDocker5) {
            $0.published = .seen([port("192.0.2.1", 443)])
        },
        PlantedContainer("BH-CON-122", "every address port 8080/tcp", in: .cisDocker5) {
            $0.published = .seen([port(nil, 8_080)])
        },
        PlantedContainer("BH-CON-122", "0.0.0.0 port 8080/tcp", in: .cisDocker5) {
            $0.published = .seen([port("0.0.0.0", 8_080)])
        },
        PlantedContainer("BH-CON-123", "/run/docker.sock to process 1 (dockerd), process 1") {
            $0.outsidePeers = .seen([
                OutsidePeerFacts(
                    process: 102, descriptor: "5", name: "/run/docker.sock", peerProcess: 1,
                    peerOwner: "process 1 (dockerd)")
            ])
        },
        PlantedContainer("BH-CON-150", "sh as 0:0", in: .cisDocker5) {
            $0.entries = .seen([EntryFacts(number: 9, program: "sh", user: "0:0")])
        },
    ]
}
