// What the kernel and the views of a frame say to each other.

type Pixel = [row: number, column: number];
/** A part of a frame, in its pixels. Zeros show the whole frame. */
type FrameWindow = [row: number, column: number, rows: number, columns: number];
/** The first pixel, and one past the last. */
type Sides = { top: number; bottom: number; left: number; right: number };
type ScaleName = "linear" | "log" | "sqrt";

/** In the detector's pixels; each pair is the first pixel and the one after the last. */
interface FrameRegion {
  name: string;
  rows: [number, number];
  columns: [number, number];
  /** Whether it is left out, instead of being all that is looked at. */
  masked: boolean;
  /** Whether it only stands in a form. */
  draft: boolean;
}

/** Where a detector stands: metres and radians, in the convention of pyFAI. */
interface DetectorGeometry {
  distance: number;
  poni1: number;
  poni2: number;
  rot1: number;
  rot2: number;
  rot3: number;
  pixel1: number;
  pixel2: number;
  wavelength: number;
}

interface ImageTraits {
  key: string;
  colour_maps: string[];
  colour_map: string;
  scale: ScaleName;
  auto_low: boolean;
  auto_high: boolean;
  locked: boolean;
  low: number;
  high: number;
  units: string;
  profiles: boolean;
  regions: FrameRegion[];
  label: string;
  caption: string;
  called: string;
  taken: number;
  /** Nothing where nobody has said it. */
  geometry: DetectorGeometry | null;
  drawing: boolean;
}

/** Counts drawn darkest and brightest, and the steps between. */
interface Levels {
  low: number;
  high: number;
  scale: ScaleName;
}

/** How many shown pixels each bar has; the bars are equally wide on the scale. */
interface HistogramOfCounts {
  pixels: number[];
  low: number;
  high: number;
}

/** Its pixels, and then the colours of the 256 levels, are in the message's buffers. */
interface ImageMessage extends Levels {
  kind: "image";
  view: string;
  serial: number;
  /** Whether the kernel waits for a word that it has been painted. */
  asks: boolean;
  /** Of the pixels that came. */
  shape: [rows: number, columns: number];
  window: FrameWindow;
  frame: [rows: number, columns: number];
  /** Pixels of the frame to one that came, in each direction; below 1 where a binned frame is shown with every pixel. */
  pitch: number;
  /** Pixels of the detector to one of the frame. */
  binning: number;
  number: number;
  units: string;
  /** So many of the lowest levels stand for what is no count. */
  reserved: number;
  /** The detector's masked, dead and saturated pixels. */
  marked: [masked: number, dead: number, saturated: number];
  /** With some of the messages: a few times a second. */
  histogram: HistogramOfCounts | null;
}

/** Counts of a pixel as text, or why it has none; the counts along its row and its column may be in the buffers. */
interface ValueMessage {
  kind: "value";
  view: string;
  row: number;
  column: number;
  value: string;
  mark: number;
  /** How many of the detector's pixels stand in a row of one of the frame's, where each is looked at. */
  grain: number;
  number: number;
}

type ExactMessage = { kind: "exact"; view: string; number: number; type: string; shape: number[] };
/** Where a picture was written, or why it was not; without text nobody wrote it. */
type WrittenMessage = { kind: "written"; view: string; text: string; done: boolean };
type ImageHeard = ImageMessage | ValueMessage | ExactMessage | WrittenMessage | { kind: "known" | "forgotten"; view: string };
type ImageSent =
  | { kind: "view"; width: number; height: number; window: FrameWindow; visible: boolean }
  | { kind: "painted"; serial: number }
  | { kind: "probe"; row: number; column: number }
  | { kind: "step"; by: number }
  | ({ kind: "drawn" } & Sides)
  | { kind: "exact" | "bye" | "newest" | "picture" };
type ImageModel = Model<ImageTraits, ImageHeard, ImageSent & { view: string }>;
/** Sets some of a model's traits at once. */
type SetTraits = (traits: Partial<ImageTraits>) => void;
