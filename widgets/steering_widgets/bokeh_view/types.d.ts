// What the page uses of BokehJS; its own types name it only for a build.

/** The copies of BokehJS on a page: the first one, and those of other versions by their version. */
type BokehOnPage = BokehLibrary & { [version: string]: BokehLibrary | undefined };

interface BokehLibrary {
  version: string;
  require(name: "document"): { Document: { from_json(json: object): BokehDocument } };
  require(name: "embed/standalone"): { add_document_standalone(doc: BokehDocument, host: Element): Promise<unknown> };
}

interface BokehDocument {
  clear(): void;
  roots(): BokehModel[];
  on_change(take: (event: BokehEvent) => void, batches: true): void;
  create_json_patch(events: BokehEvent[]): object;
  apply_json_patch(patch: object, buffers: Map<string, ArrayBuffer>): void;
  views_manager?: { roots?: BokehNode[] };
  _all_models?: Map<string, BokehModel>;
}

/** One change of a document, or several in one. */
interface BokehEvent {
  sync?: boolean;
  model?: BokehModel;
  events?: BokehEvent[];
}

interface BokehModel {
  id: string;
  type: string;
  setv(values: Record<string, unknown>): void;
  height?: number;
  max_width?: number | null;
  x_range?: BokehRange;
  y_range?: BokehRange;
}

/** A range that follows the data until a person moves it. */
interface BokehRange extends BokehModel {
  have_updated_interactively: boolean;
  properties: Record<"start" | "end", { change: { connect(slot: () => void): void } }>;
  reset(): void;
}

/** A view of a model. */
interface BokehNode {
  model?: BokehModel;
  children_views?(): BokehNode[];
  request_repaint?(): void;
  invalidate_dataranges?: boolean;
  base_font_size?: number | null;
  visuals?: Iterable<BokehVisual>;
  ui_event_bus?: { ui_gestures?: { _start_timeout(): void } };
  _update_touch_action?(): void;
  canvas?: { touch_action: { replace(css: string): void } };
}

/** The colours, widths and fonts of a part of a plot. */
interface BokehVisual {
  _get_css_value?(name: string): string;
}

interface BokehDrag {
  modifiers: { shift: boolean };
  native: { pointerType?: string };
}

interface BokehBoxTool extends BokehNode {
  model: BokehModel & { renderers: BokehModel[] };
  _pan_start(event: BokehDrag): void;
  _pan(event: BokehDrag, append?: boolean, emit?: boolean): void;
  _pan_end(event: BokehDrag): void;
  /** Selects what lies under the pointer, and says of which renderers it is. */
  _select_event(event: BokehDrag, mode: "append", renderers: BokehModel[]): BokehModel[];
  _draw_basepoint: [number, number] | null;
}

declare var Bokeh: BokehOnPage | undefined;
/** When a view of the page has last asked for BokehJS (milliseconds). */
declare var __steering_bokeh_loading__: number | undefined;
