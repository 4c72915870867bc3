/** The brokers of several rows: started when the first asks for them, stopped at the end. */
import { type ClusterSite, clusterSite, type NodeSite, nodeSite } from './site.js';

export class Sites implements AsyncDisposable {
  #node: Promise<NodeSite> | undefined;
  #cluster: Promise<ClusterSite> | undefined;

  node = (): Promise<NodeSite> => (this.#node ??= nodeSite());

  cluster = (): Promise<ClusterSite> => (this.#cluster ??= clusterSite());

  /** Stops what there is, so that the next to ask gets new ones. */
  async renew(): Promise<void> {
    const sites = [this.#node, this.#cluster];
    this.#node = undefined;
    this.#cluster = undefined;
    for (const site of sites) await (await site?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.renew();
  }
}
