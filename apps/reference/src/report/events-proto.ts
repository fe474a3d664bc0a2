import protobuf from 'protobufjs'

// What TensorBoard reads of TensorFlow's event.proto and summary.proto: numbers and types as there, other fields left out.
const { root } = protobuf.parse(
  `syntax = "proto3";
  package tensorflow;

  message Event {
    double wall_time = 1;  // seconds since 1970
    int64 step = 2;
    oneof what {
      string file_version = 3;
      Summary summary = 5;
      SessionLog session_log = 7;
    }
  }

  message SessionLog {
    enum SessionStatus { STATUS_UNSPECIFIED = 0; START = 1; STOP = 2; CHECKPOINT = 3; }
    SessionStatus status = 1;
  }

  message Summary {
    message Image {
      int32 height = 1;
      int32 width = 2;
      int32 colorspace = 3;  // 1 grey, 3 RGB, 4 RGBA
      bytes encoded_image_string = 4;
    }
    message Value {
      string tag = 1;
      oneof value {
        float simple_value = 2;
        Image image = 4;
      }
    }
    repeated Value value = 1;
  }`,
  { keepCase: true },
)

/** TensorFlow's `Event` message. */
export const eventType = root.lookupType('tensorflow.Event')
