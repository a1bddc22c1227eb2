// What the kernel and a page say to each other, and what the pages use of the code of others.

/** A widget's model as a view gets it: its traits, the messages that it hears, and those that it sends. */
interface Model<Traits extends object, Heard, Sent> {
  get<Name extends keyof Traits>(name: Name): Traits[Name];
  set<Name extends keyof Traits>(name: Name, value: Traits[Name]): void;
  save_changes(): void;
  send(message: Sent, callbacks?: undefined, buffers?: ArrayBuffer[]): void;
  on(event: "msg:custom", take: (message: Heard, buffers: Buffers) => void): void;
  on(event: `change:${string}`, take: () => void): void;
  off(event: "msg:custom", take: (message: Heard, buffers: Buffers) => void): void;
  off(event: `change:${string}`, take: () => void): void;
  widget_manager: { get_model(key: string): Promise<object> };
}

/** What `beHeard` and `onReconnect` need of a model. */
interface KeyedModel {
  get(name: "key"): string;
  widget_manager: { get_model(key: string): Promise<object> };
}

/** What comes with a message as bytes. */
type Buffers = DataView<ArrayBuffer>[];

/** What a view is made with. */
interface Place<AModel> {
  model: AModel;
  el: HTMLElement;
}

/** A model inside JupyterLab, as the manager of the page's widgets has it; no type of it is published. */
interface LabModel {
  comm?: LabComm;
  comm_live?: boolean;
  widget_manager?: LabManager;
  _handle_comm_msg(message: object): Promise<void>;
  on?(event: "comm_live_update", take: () => void): void;
  off?(event: "comm_live_update", take: () => void): void;
}

/** A widget as who makes it knows it. */
interface ManagedModel {
  model_id?: string;
  /** What of the kernel's news is being taken in; once that has failed, nothing more is. */
  state_change?: Promise<unknown>;
  get(name: string): unknown;
}

/** Makes the widgets of a page. */
interface LabManager {
  _models: Record<string, Promise<ManagedModel>>;
  _loadFromKernel(): Promise<void>;
}

interface LabComm {
  comm_id?: string;
  commId?: string;
  jsServicesComm?: { _kernel?: LabKernel };
  on_msg(take: (message: object) => Promise<void>): void;
  send(data: object, callbacks: object): void;
}

/** JupyterLab's connection to a kernel. */
interface LabKernel {
  id: string;
  _comms?: Map<string, { _subshellId?: string | null }>;
  isDisposed: boolean;
  status: string;
  connectionStatus: string;
  connectionStatusChanged?: LabSignal<string>;
  statusChanged?: LabSignal<string>;
  requestExecute(content: { code: string; store_history: boolean }): { done: Promise<{ content: Executed }> };
  requestCommInfo(content: { target_name: string }): Promise<{ content: CommInfo }>;
}

type Executed = { status: string } | { status: "error"; ename: string; evalue: string };
type CommInfo = { status: "ok"; comms: Record<string, object> } | { status: "error" | "abort" };

interface LabSignal<News> {
  connect(take: (sender: LabKernel, news: News) => void): void;
  disconnect(take: (sender: LabKernel, news: News) => void): void;
}

/** From the kernel, of a press: does it still hold (though it has got another text of a field since), and what became of it. */
type PressHeard = { kind: "asked"; press: string; changed?: boolean } | { kind: "done"; press: string; text?: string };
type PressSent = { kind: "press"; press: string; button: string } | { kind: "yes" | "no"; press: string };

/** A button's text and what a click on it does. */
type Choice = [string, () => void];
type Say = (text: string, choices: Choice[]) => void;

/** The kernels whose messages are kept to the main shell. */
declare var __steering_main_shell__: WeakSet<LabKernel> | undefined;
