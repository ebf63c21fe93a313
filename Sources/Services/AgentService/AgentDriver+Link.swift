import AgentCore
import ClusterAPI
import Diagnostics

/// The link to the leading master: whom to ask, and what comes over it.
extension AgentDriver {
    func followLeaders() -> Task<Void, Never>? {
        guard let leaders = parts.settings.leaders else { return nil }
        return Task {
            for await leader in leaders {
                masters = leader.map { [$0] } ?? []
                tell(.leaderChanged)
            }
        }
    }

    func open(_ registration: AgentRegistration) {
        unlink()
        let number = linkNumber
        guard !masters.isEmpty else {
            let failure = Failure(
                "link.no-master", doing: "register", cause: "no master leads", remedy: "wait for one", retry: .later)
            return mailbox.tell(.link(.failed(failure), number: number))
        }
        let master = masters[mastersTried % masters.count]
        mastersTried += 1
        let (outgoing, continuation) = AsyncStream.makeStream(of: AgentMessage.self)
        let mailbox = mailbox
        let client = MasterLink(
            client: parts.client, master: master, authorization: parts.settings.masterAccess.authorization)
        let registration = HandedOver(registration)
        let task = Task {
            await client.run(registration, outgoing: outgoing) { mailbox.tell(.link($0, number: number)) }
        }
        link = (task, continuation)
    }

    func unlink() {
        linkNumber += 1
        link?.outgoing.finish()
        link?.task.cancel()
        link = nil
    }
}
